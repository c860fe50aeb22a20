// SPDX-License-Identifier: Apache-2.0
#include "ctl/options.h"

#include <gtest/gtest.h>

namespace pinion::ctl {
namespace {

using namespace std::chrono_literals;

template <class Options>
Options parsed(std::vector<std::string> arguments) {
    auto line = parse_command_line(std::move(arguments));
    if (!line) {
        ADD_FAILURE() << line.error().text;
        return {};
    }
    const auto* options = std::get_if<Options>(&line->command);
    if (options == nullptr) ADD_FAILURE() << "another command";
    return options == nullptr ? Options{} : *options;
}

EarlyEnd ended(std::vector<std::string> arguments) {
    auto line = parse_command_line(std::move(arguments));
    if (!line) return line.error();
    ADD_FAILURE() << "was accepted";
    return {};
}

TEST(CommandLine, TakesGlobalOptionsBeforeAndAfterTheCommand) {
    for (const auto& arguments : {std::vector<std::string>{"--json", "--runtime-dir", "/r", "status"},
                                  std::vector<std::string>{"status", "--json", "--runtime-dir=/r"}}) {
        const auto line = parse_command_line(arguments);
        ASSERT_TRUE(line) << line.error().text;
        EXPECT_EQ(line->global.format, Format::json);
        EXPECT_EQ(line->global.runtime_dir, "/r");
    }
}

TEST(CommandLine, ReadsFormatsAndColumnsFromO) {
    EXPECT_EQ(parse_command_line({"status", "-o", "json"})->global.format, Format::json);
    EXPECT_EQ(parse_command_line({"status", "-o", "jsonl"})->global.format, Format::jsonl);
    EXPECT_EQ(parse_command_line({"status", "-o", "POOL,STATE"})->global.columns, "POOL,STATE");
    EXPECT_EQ(ended({"reload", "-o", "POOL"}).exit, Exit::usage);
}

TEST(CommandLine, ReadsEachCommand) {
    EXPECT_TRUE(parsed<StatusOptions>({"status", "web", "--watch", "--sort=state"}).by_state);
    EXPECT_EQ(parsed<CheckOptions>({"check", "a.yaml", "b.yaml", "--strict"}).files.size(), 2U);
    EXPECT_EQ(parsed<PlanOptions>({"plan", "new", "--against", "old"}).against, "old");
    const auto act = parsed<ActOptions>({"restart", "web/3", "mail", "--no-wait", "--timeout", "1m30s"});
    EXPECT_EQ(act.verb, Verb::restart);
    EXPECT_EQ(act.targets, (std::vector<std::string>{"web/3", "mail"}));
    EXPECT_FALSE(act.wait);
    EXPECT_EQ(act.timeout, Duration(90s));
    EXPECT_EQ(parsed<ScaleOptions>({"scale", "web", "8"}).workers, 8U);
    parsed<RebalanceOptions>({"rebalance"});
    EXPECT_TRUE(parsed<PlanOptions>({"plan", "--rebalance"}).rebalance);
    EXPECT_EQ(parsed<KillOptions>({"kill", "-s", "HUP", "web"}).signal, 1);
    EXPECT_EQ(parsed<KillOptions>({"kill", "-s", "9", "web"}).signal, 9);
    EXPECT_EQ(parsed<KillOptions>({"kill", "web"}).signal, 15);
    EXPECT_TRUE(parsed<WaitOptions>({"wait", "--ready"}).pools.empty());
    EXPECT_EQ(parsed<LogsOptions>({"logs", "web", "-f", "-n", "100"}).lines, 100U);
    EXPECT_EQ(parsed<LogsOptions>({"logs", "web"}).lines, 10U);
    EXPECT_FALSE(parsed<EventsOptions>({"events"}).lines);
    EXPECT_EQ(parsed<ShowOptions>({"show", "web", "-p", "Name,Pid"}).properties.size(), 2U);
}

TEST(CommandLine, SuggestsWhatWasMeant) {
    const EarlyEnd command = ended({"statsu"});
    EXPECT_EQ(command.exit, Exit::usage);
    EXPECT_EQ(command.text, "pinionctl: unknown command 'statsu' (did you mean 'status'?); see 'pinionctl --help'\n");
    EXPECT_EQ(ended({"status", "--jsno"}).text,
              "pinionctl: unknown option '--jsno' (did you mean '--json'?); see 'pinionctl --help'\n");
}

TEST(CommandLine, RefusesWithExitTwo) {
    EXPECT_EQ(ended({}).exit, Exit::usage);
    EXPECT_EQ(ended({"start"}).exit, Exit::usage);
    EXPECT_EQ(ended({"status", "web", "extra"}).text,
              "pinionctl: unexpected argument 'extra'; see 'pinionctl --help'\n");
    EXPECT_EQ(ended({"scale", "web", "many"}).exit, Exit::usage);
    EXPECT_EQ(ended({"scale", "web", "4294967296"}).exit, Exit::usage);
    EXPECT_EQ(parsed<ScaleOptions>({"scale", "web", "4294967295"}).workers, 4294967295U);
    EXPECT_EQ(ended({"kill", "-s", "NOSUCH", "web"}).exit, Exit::usage);
    EXPECT_EQ(ended({"kill", "-s", "65", "web"}).exit, Exit::usage);
    EXPECT_EQ(parsed<KillOptions>({"kill", "-s", "64", "web"}).signal, 64);
    EXPECT_EQ(ended({"wait", "--timeout", "60"}).exit, Exit::usage);  // sixty of what?
    EXPECT_EQ(ended({"status", "--color", "often"}).exit, Exit::usage);
    EXPECT_EQ(ended({"check", "--as", "a", "b", "c"}).exit, Exit::usage);
}

TEST(CommandLine, HelpsWithExamples) {
    const EarlyEnd help = ended({"--help"});
    EXPECT_EQ(help.exit, Exit::done);
    EXPECT_EQ(help.text.find("completion-words"), std::string::npos);
    for (const CommandHelp& command : list_commands()) {
        if (command.name.empty()) continue;
        EXPECT_NE(help.text.find(command.name), std::string::npos) << command.name;
        const EarlyEnd own = ended({command.name, "--help"});
        EXPECT_EQ(own.exit, Exit::done);
        EXPECT_NE(own.text.find("Examples:\n  pinionctl " + command.name), std::string::npos) << own.text;
        for (const std::string& option : command.options) EXPECT_NE(own.text.find(option), std::string::npos) << option;
    }
}

TEST(CommandLine, TellsItsVersion) {
    const EarlyEnd version = ended({"--version"});
    EXPECT_EQ(version.exit, Exit::done);
    EXPECT_EQ(version.text, "pinionctl " PINION_VERSION "\n");
}

}  // namespace
}  // namespace pinion::ctl
