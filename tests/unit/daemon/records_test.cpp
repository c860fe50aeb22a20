// SPDX-License-Identifier: Apache-2.0
#include "daemon/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/messages.h"

namespace pinion::daemon {
namespace {

using namespace supervise;
using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

const WorkerId web3{"web", Slot{3}, Generation{7}};

Death exit_with(int code) {
    Death death;
    death.status = code;
    return death;
}

WorkerDied died(Death death, Decision decision) {
    return {web3, std::move(death), Phase::running, Duration(2s), decision};
}

TEST(Records, ADeathSaysCauseUptimeDecisionAndRetry) {
    auto death = exit_with(1);
    death.last_lines = {"connecting", "connection refused"};
    const auto record = to_record(died(death, {Decision::Kind::restart, 3200ms, 3}), {4711, "0,8"});
    EXPECT_THAT(record.message, HasSubstr("web/3: exit 1 after 2s; restarting in 3"));
    EXPECT_THAT(record.message, HasSubstr("(3 in a row); its last line: connection refused"));
    EXPECT_EQ(record.priority, log::Priority::warning);
    EXPECT_EQ(record.kind, &log::messages::worker_died);
    EXPECT_THAT(record.fields, Contains(Pair("PINION_POOL", "web")));
    EXPECT_THAT(record.fields, Contains(Pair("PINION_SLOT", "3")));
    EXPECT_THAT(record.fields, Contains(Pair("PINION_GENERATION", "7")));
    EXPECT_THAT(record.fields, Contains(Pair("PINION_CPUS", "0,8")));
    EXPECT_THAT(record.fields, Contains(Pair("OBJECT_PID", "4711")));
    EXPECT_THAT(record.fields, Contains(Pair("EXIT_CODE", "exited")));
    EXPECT_THAT(record.fields, Contains(Pair("EXIT_STATUS", "1")));
    EXPECT_THAT(record.fields, Contains(Pair("PINION_RETRY_USEC", "3200000")));
    EXPECT_THAT(record.fields, Contains(Pair("PINION_LAST_LINES", "connecting\nconnection refused")));
}

TEST(Records, ASignalIsNamedAsSystemdNamesIt) {
    Death death;
    death.cause = Death::Cause::signaled;
    death.status = 11;
    death.core_dumped = true;
    const auto record = to_record(died(death, {Decision::Kind::restart, 0s, 1}), {});
    EXPECT_THAT(record.message, HasSubstr("SIGSEGV"));
    EXPECT_THAT(record.message, HasSubstr("restarting at once"));
    EXPECT_THAT(record.fields, Contains(Pair("EXIT_CODE", "dumped")));
    EXPECT_THAT(record.fields, Contains(Pair("EXIT_STATUS", "SEGV")));
}

TEST(Records, GivingUpIsAnErrorThatSaysWhatToDo) {
    const auto record = to_record(died(exit_with(78), {Decision::Kind::give_up_fatal, 0s, 1}), {});
    EXPECT_EQ(record.priority, log::Priority::err);
    EXPECT_THAT(record.message, HasSubstr("pinionctl start"));
}

TEST(Records, AnExpectedEndIsNoWarningAndShowsNoLastLine) {
    auto death = exit_with(0);
    death.last_lines = {"bye"};
    const auto record = to_record(died(death, {Decision::Kind::complete, 0s, 0}), {});
    EXPECT_EQ(record.priority, log::Priority::info);
    EXPECT_THAT(record.message, Not(HasSubstr("bye")));
}

TEST(Records, ExitCodesOfShellsAreExplained) {
    EXPECT_THAT(to_record(died(exit_with(127), {}), {}).message, HasSubstr("exit 127 (command not found)"));
}

TEST(Records, AFailedStartNamesStageObjectAndReason) {
    const auto record = to_record(
        WorkerNotSpawned{web3, {SpawnStage::exec, ENOENT, "/usr/bin/nosuch"}, {Decision::Kind::restart, 100ms, 2}}, {});
    EXPECT_THAT(record.message, HasSubstr("web/3: cannot start: exec '/usr/bin/nosuch': no such file or directory"));
    EXPECT_THAT(record.fields, Contains(Pair("PINION_STAGE", "exec")));
    EXPECT_THAT(record.fields, Contains(Pair("ERRNO", "2")));
}

TEST(Records, ControlCharactersOfAWorkerDoNotReachAMessage) {
    auto death = exit_with(1);
    death.last_lines = {"\x1b[31mred\a"};
    const auto record = to_record(died(death, {Decision::Kind::restart, 0s, 1}), {});
    EXPECT_EQ(record.message.find('\x1b'), std::string::npos);
    EXPECT_EQ(record.message.find('\a'), std::string::npos);
}

TEST(Records, EveryFactHasASentenceAndAKind) {
    const std::vector<Fact> facts{
        PoolAppeared{"web", 4},
        PoolChanged{"web", 4, true},
        PoolLeft{"web"},
        PoolWaits{"web", {"db", "cache"}},
        PoolReached{"web", "completed"},
        WorkerStarting{web3, {}},
        WorkerIsReady{web3, 1s},
        WorkerStartTimedOut{web3, 30s},
        WorkerStopping{web3, 15, "stopped by root", 10s},
        WorkerKilled{web3, "stop.timeout passed"},
        died(exit_with(0), {}),
        WorkerNotSpawned{web3, {}, {}},
        OperatorActed{"web", Slot{3}, "stop", "root"},
        RollProgress{"web", 1, 4},
    };
    ASSERT_EQ(facts.size(), std::variant_size_v<Fact>);
    for (const auto& fact : facts) {
        const auto record = to_record(fact, {});
        EXPECT_THAT(record.message, HasSubstr("web"));
        EXPECT_NE(record.kind, nullptr);
        EXPECT_EQ(record.identifier, "piniond");
        EXPECT_FALSE(record.message.ends_with('.')) << record.message;
    }
}

TEST(Records, ChangesReadAsASentence) {
    EXPECT_EQ(describe(std::vector<config::Change>{}), "nothing changed");
    EXPECT_EQ(describe({{config::ChangeKind::replaced, "web", {"command"}, {"command"}},
                        {config::ChangeKind::removed, "old", {}, {}}}),
              "2 pools changed: web replaced (command), old removed");
}

}  // namespace
}  // namespace pinion::daemon
