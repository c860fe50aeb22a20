// SPDX-License-Identifier: Apache-2.0
// check, plan and cat: what they say of files, without a daemon.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "ctl/commands.h"
#include "ctl/plan_screen.h"
#include "ctl_testing.h"

namespace pinion::ctl {
namespace {

using test::Outcome;

class ConfigurationCommands : public ::testing::Test {
protected:
    ConfigurationCommands() {
        std::string folder = (std::filesystem::temp_directory_path() / "pinion-config-XXXXXX").string();
        if (::mkdtemp(folder.data()) != nullptr) folder_ = folder;
    }
    ~ConfigurationCommands() override { std::filesystem::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& text) {
        const std::filesystem::path path = std::filesystem::path(folder_) / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
        return path.string();
    }
    template <class Options>
    Outcome run_with(const Options& options, GlobalOptions global = {}, TerminalTraits err_traits = {}) {
        global.runtime_dir = "/nonexistent";
        return test::caught_run(options, global, err_traits);
    }
    std::string folder_;
};

constexpr const char* good = "version: 1\npools:\n  web:\n    command: [/bin/true]\n    workers: 2\n    cpu: 1 core\n";
constexpr const char* bad = "version: 1\npools:\n  web:\n    comand: [/bin/true]\n";

TEST_F(ConfigurationCommands, CheckAcceptsAGoodFileAndNamesIt) {
    const std::string file = write("a.yaml", good);
    const Outcome outcome = run_with(CheckOptions{.files = {file}});
    EXPECT_EQ(outcome.exit, Exit::done) << outcome.err;
    EXPECT_EQ(outcome.out, "read " + file + ": ok\n");
    EXPECT_EQ(outcome.err, "");
}

TEST_F(ConfigurationCommands, CheckShowsThePlaceAndASuggestion) {
    const std::string file = write("a.yaml", bad);
    const Outcome outcome = run_with(CheckOptions{.files = {file}});
    EXPECT_EQ(outcome.exit, Exit::failed);
    EXPECT_NE(outcome.err.find(file + ":4:5: error: unknown key 'comand' (did you mean 'command'?)\n"),
              std::string::npos)
        << outcome.err;
    EXPECT_EQ(outcome.err.find('^'), std::string::npos);
}

TEST_F(ConfigurationCommands, CheckPutsACaretUnderTheColumnOnATerminal) {
    const std::string file = write("a.yaml", bad);
    const Outcome outcome = run_with(CheckOptions{.files = {file}}, {}, {.tty = true, .width = 80, .utf8 = true});
    EXPECT_NE(outcome.err.find("        comand: [/bin/true]\n        ^\n"), std::string::npos) << outcome.err;
}

TEST_F(ConfigurationCommands, CheckTellsProgramsAsJson) {
    const Outcome outcome = run_with(CheckOptions{.files = {write("a.yaml", bad)}}, {.format = Format::json});
    EXPECT_EQ(outcome.exit, Exit::failed);
    const auto document = wire::Json::parse(outcome.out);
    ASSERT_TRUE(document) << outcome.out;
    EXPECT_EQ(document->find("ok")->as_bool(), false);
    const wire::Json& first = document->find("diagnostics")->items().at(0);
    for (const char* member : {"file", "line", "column", "severity", "code", "message", "hint"})
        EXPECT_NE(first.find(member), nullptr) << member;
}

TEST_F(ConfigurationCommands, CheckPutsAFileInThePlaceOfAnother) {
    write("pinion.yaml", "version: 1\n");
    const std::string place = write("pools.d/web.yaml", good);
    const std::string other = write("pools.d/other.yaml", "pools:\n  other:\n    command: [/bin/true]\n");
    const std::string replacement = write("tmp/new", bad);
    const Outcome refused = run_with(CheckOptions{.files = {replacement}, .as = place});
    EXPECT_EQ(refused.exit, Exit::failed);
    EXPECT_NE(refused.err.find(place + ":4:5"), std::string::npos) << refused.err;
    // A name that another file of the folder has already.
    const std::string twice = write("tmp/twice", "pools:\n  other:\n    command: [/bin/true]\n");
    EXPECT_EQ(run_with(CheckOptions{.files = {twice}, .as = place}).exit, Exit::failed);
    const Outcome accepted = run_with(CheckOptions{.files = {write("tmp/good", good)}, .as = place});
    EXPECT_EQ(accepted.exit, Exit::done) << accepted.err;
}

TEST_F(ConfigurationCommands, PlanSeatsWorkersOnAnotherMachine) {
    const std::string file = write("a.yaml", good);
    const Outcome outcome =
        run_with(PlanOptions{.file = file, .topology = "package:1 core:4 pu:1"}, {.format = Format::json});
    EXPECT_EQ(outcome.exit, Exit::done) << outcome.err;
    const auto document = wire::Json::parse(outcome.out);
    ASSERT_TRUE(document) << outcome.out;
    const wire::Json& pool = document->find("pools")->items().at(0);
    EXPECT_EQ(*pool.find("name")->as_string(), "web");
    EXPECT_EQ(pool.find("seats")->items().size(), 2U);
    EXPECT_EQ(*pool.find("seats")->items().at(0).find("cpus")->as_string(), "0");
    EXPECT_EQ(document->find("changed"), nullptr);
}

TEST_F(ConfigurationCommands, PlanFailsWhereTheMachineIsTooSmall) {
    const std::string file = write("a.yaml", good);
    const Outcome outcome = run_with(PlanOptions{.file = file, .topology = "package:1 core:1 pu:1"});
    EXPECT_EQ(outcome.exit, Exit::failed);
    EXPECT_NE(outcome.err.find("error: E_OVERSUBSCRIBED"), std::string::npos) << outcome.err;
}

TEST_F(ConfigurationCommands, PlanTellsWhatAReloadWouldDoAndWhichFieldForcesIt) {
    const std::string before =
        write("old.yaml",
              "version: 1\npools:\n  gone: {command: [/bin/true]}\n  same: {command: [/bin/true]}\n"
              "  web: {command: [/bin/true], nice: 5}\n");
    const std::string after =
        write("new.yaml",
              "version: 1\npools:\n  fresh: {command: [/bin/true]}\n  same: {command: [/bin/true]}\n"
              "  web: {command: [/bin/true], nice: 6}\n");
    const PlanOptions options{.file = after, .topology = "package:1 core:4 pu:1", .against = before};
    const Outcome text = run_with(options);
    EXPECT_EQ(text.exit, Exit::done) << text.err;
    for (const char* line :
         {"  added fresh\n", "  removed gone\n", "  replaced web: nice (workers restart one by one, because of nice)\n",
          "  untouched: same\n"})
        EXPECT_NE(text.out.find(line), std::string::npos) << line << text.out;
    const auto document = wire::Json::parse(run_with(options, {.format = Format::json}).out);
    ASSERT_TRUE(document);
    EXPECT_EQ(document->find("changed")->as_bool(), true);
}

TEST_F(ConfigurationCommands, PlanTellsWhatAReloadDoesToSemaphores) {
    const std::string pools = "pools:\n  web: {command: [/bin/true]}\n";
    const std::string before = write("old.yaml", "version: 1\nsemaphores: {gpu: 1, db: 2}\n" + pools);
    const std::string after = write("new.yaml", "version: 1\nsemaphores: {gpu: 3, db: 2}\n" + pools);
    const PlanOptions options{.file = after, .topology = "package:1 core:4 pu:1", .against = before};
    const Outcome text = run_with(options);
    EXPECT_NE(text.out.find("  semaphore 'gpu' changed: 3 permits, before 1\n"), std::string::npos) << text.out;
    EXPECT_EQ(text.out.find("nothing changes"), std::string::npos) << text.out;
    const auto document = wire::Json::parse(run_with(options, {.format = Format::json}).out);
    ASSERT_TRUE(document);
    EXPECT_EQ(document->find("changed")->as_bool(), true);
    EXPECT_EQ(document->find("semaphores")->dump(), R"(["semaphore 'gpu' changed: 3 permits, before 1"])");
}

TEST_F(ConfigurationCommands, PlanSaysNothingChangesForTheSameText) {
    const std::string file = write("a.yaml", good);
    const Outcome outcome = run_with(PlanOptions{.file = file, .topology = "package:1 core:4 pu:1", .against = file},
                                     {.format = Format::json});
    EXPECT_NE(outcome.out.find("\"changed\":false"), std::string::npos) << outcome.out;
}

TEST_F(ConfigurationCommands, CatPrintsTheEffectiveConfiguration) {
    const Outcome outcome = run_with(CatOptions{}, {.config = write("a.yaml", good)});
    EXPECT_EQ(outcome.exit, Exit::done) << outcome.err;
    EXPECT_NE(outcome.out.find("web:"), std::string::npos);
    EXPECT_EQ(run_with(CatOptions{}, {.config = write("b.yaml", bad)}).exit, Exit::failed);
}

TEST(ComparisonWithADaemon, KnowsNamesAndNumbersOnly) {
    cpu::Plan plan;
    const config::Config nothing_declared = [] {
        auto loaded = config::load({.path = PINION_SOURCE_DIR "/examples"});
        return loaded ? *loaded : config::Config{};
    }();
    const Snapshot running{.pools = {{.name = "zz-old", .state = "running", .wanted = 1}}, .workers = {}};
    const Comparison comparison = compare(running, plan, nothing_declared);
    EXPECT_TRUE(comparison.names_only);
    ASSERT_FALSE(comparison.changes.empty());
    EXPECT_EQ(comparison.changes.back().kind, config::ChangeKind::removed);
    EXPECT_EQ(comparison.changes.back().pool, "zz-old");
}

TEST(ComparisonWithADaemon, DoesNotTakeACompletedWorkerForAMissingOne) {
    auto loaded = config::load({.path = PINION_SOURCE_DIR "/examples/four-numbers.yaml"});
    ASSERT_TRUE(loaded);
    const std::string name = loaded->pools().begin()->first;
    const cpu::Plan plan{.pools = {{.pool = name, .seats = {{.slot = 0}, {.slot = 1}}}}};
    const WorkerRow ended{.pool = name, .slot = 0, .state = "completed"};
    Snapshot running{.pools = {{.name = name, .state = "running", .wanted = 1}}, .workers = {ended}};
    EXPECT_TRUE(compare(running, plan, *loaded).changes.empty());
    running.workers.clear();
    EXPECT_EQ(compare(running, plan, *loaded).changes.size(), 1U);
}

}  // namespace
}  // namespace pinion::ctl
