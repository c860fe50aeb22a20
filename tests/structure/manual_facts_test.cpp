// SPDX-License-Identifier: Apache-2.0
// What the manual says of records, of the workers' environment and of the bus is what the code does: the same names,
// both ways. Read from the sources, since what is not written there is not done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "pages.h"

namespace pinion::manual {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::IsSupersetOf;

std::string sources_of(const std::string& folder) {
    std::string text;
    for (const auto& entry : fs::directory_iterator(fs::path(PINION_SOURCE_DIR) / folder))
        if (entry.path().extension() == ".cpp") text += read_text(entry.path());
    return text;
}

// The names in capitals of the definitions' heads.
Words capitals(const std::string& text) { return matches(without_backslashes(text), R"(\*([A-Z][A-Z_]*[A-Z])\*)"); }

Words all_of(const Words& a, const Words& b) {
    Words both = a;
    both.insert(b.begin(), b.end());
    return both;
}

// Which event each kind has: "daemon_started" → "daemon-started".
Words recorded_events() {
    const std::string kinds = read_text(PINION_SOURCE_DIR "/lib/log/messages.h");
    Words events;
    for (const auto& kind : matches(sources_of("daemon"), R"(messages::([a-z_]+)\b)")) {
        const Words event = matches(kinds, "MessageKind " + kind + R"(\s*\{"([a-z-]+)\")");
        events.insert(event.begin(), event.end());
    }
    return events;
}

TEST(ManualFacts, TheFieldsOfRecordsAreThoseOfTheCode) {
    const std::string code = sources_of("daemon");
    const Words written = all_of(matches(code, R"re(fields\.emplace_back\("([A-Z_]+)")re"),
                                 matches(read_text(PINION_SOURCE_DIR "/daemon/output.cpp"), R"re(\{"([A-Z_]+)", )re"));
    ASSERT_THAT(written, IsSupersetOf({"PINION_POOL", "EXIT_CODE", "PINION_LINE_CUT"}));
    const Words told = all_of(capitals(heads(section("piniond.8", "JOURNAL"))),
                              capitals(section("pinion.yaml.5", "FIELDS OF OUTPUT")));
    // The rest of a record's fields is made of its kind, in the sink.
    const Words of_the_sink =
        matches(read_text(PINION_SOURCE_DIR "/lib/log/journal_sink.cpp"), R"re(field\("([A-Z_]+)")re");
    ASSERT_THAT(of_the_sink, IsSupersetOf({"MESSAGE_ID", "PINION_EVENT"}));
    const Words known = all_of(written, of_the_sink);
    Words unknown;
    Words untold;
    std::ranges::set_difference(told, known, std::inserter(unknown, unknown.end()));
    std::ranges::set_difference(written, told, std::inserter(untold, untold.end()));
    EXPECT_THAT(unknown, IsEmpty());
    EXPECT_THAT(untold, IsEmpty());
}

TEST(ManualFacts, TheEventsAreThoseThatTheCodeRecords) {
    const std::string journal = section("piniond.8", "JOURNAL");
    const std::string list = journal.substr(journal.find("The events are:"));
    EXPECT_EQ(matches(heads(list), R"(\*([a-z]+(?:-[a-z]+)*)\*)"), recorded_events());
}

TEST(ManualFacts, TheEnvironmentOfWorkersIsWhatTheyGet) {
    const std::string code = read_text(PINION_SOURCE_DIR "/lib/process/child_image.cpp");
    const std::string threads = read_text(PINION_SOURCE_DIR "/lib/model/threads_env.h");
    const auto list = threads.find("thread_variables[] = {");
    Words given =
        all_of(matches(code, R"re(env\["([A-Z_]+)"\] =)re"), matches(code, R"re(env\.try_emplace\("([A-Z_]+)")re"));
    given.merge(matches(threads.substr(list, threads.find('}', list) - list), R"re("([A-Z_]+)")re"));
    // The runner of `exec` adds those of a job.
    given.merge(matches(read_text(PINION_SOURCE_DIR "/daemon/exec_runner/command.cpp"), R"re("(PINION_[A-Z]+)=")re"));
    ASSERT_THAT(given, IsSupersetOf({"PINION_SLOT", "PATH", "HOME", "OMP_NUM_THREADS", "PINION_DEADLINE"}));
    EXPECT_EQ(capitals(heads(section("pinion.yaml.5", "ENVIRONMENT OF WORKERS"))), given);
}

TEST(ManualFacts, TheEnvironmentOfThePiniondIsWhatItReads) {
    std::string code = sources_of("daemon") + sources_of("lib/event") + sources_of("lib/log");
    Words read = all_of(matches(code, R"re(getenv\("([A-Z_]+)"\))re"), matches(code, R"re(variable\("([A-Z_]+)"\))re"));
    read.insert("WATCHDOG_USEC");  // by sd_event_set_watchdog
    ASSERT_NE(code.find("sd_event_set_watchdog"), std::string::npos);
    EXPECT_EQ(capitals(heads(section("piniond.8", "ENVIRONMENT"))), read);
}

TEST(ManualFacts, TheEnvironmentOfPinionctlIsWhatItReads) {
    EXPECT_EQ(capitals(heads(section("pinionctl.1", "ENVIRONMENT"))),
              matches(sources_of("ctl"), R"re(variable\("([A-Z_]+)"\))re"));
}

TEST(ManualFacts, TheBusHasTheMethodsThatAreNamed) {
    const std::string text = section("piniond.8", "D-BUS");
    const Words methods = matches(read_text(PINION_SOURCE_DIR "/daemon/bus_objects.cpp"),
                                  R"re(SD_BUS_METHOD_WITH_ARGS\("([A-Za-z]+)")re");
    ASSERT_THAT(methods, IsSupersetOf({"Reload", "ListPools"}));
    for (const auto& method : methods) EXPECT_NE(text.find("*" + method + "*"), std::string::npos) << method;
}

TEST(ManualFacts, TheFindingsOfThePlanAreExplained) {
    const Words known = matches(sources_of("lib/cpu") + sources_of("daemon"), R"re("([EW]_[A-Z_0-9]+)[" ])re");
    ASSERT_THAT(known, IsSupersetOf({"E_OVERSUBSCRIBED", "W_STRADDLE"}));
    EXPECT_EQ(capitals(heads(section("pinion.yaml.5", "WHAT IS SAID OF SEATS"))), known);
}

TEST(ManualFacts, TheStatesAreThoseOfPoolsAndWorkers) {
    Words known = matches(read_text(PINION_SOURCE_DIR "/lib/supervise/snapshot.cpp"), R"re(return "([a-z]+)";)re");
    ASSERT_THAT(known, IsSupersetOf({"idle", "backoff", "degraded", "paused"}));
    known.erase("paused");  // of job pools, which are to come
    EXPECT_EQ(matches(section("pinionctl.1", "STATES"), R"(\*([a-z]+)\*)"), known);
}

}  // namespace
}  // namespace pinion::manual
