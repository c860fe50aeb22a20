// SPDX-License-Identifier: Apache-2.0
// The examples do what the comments in them promise.
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "harness.h"

namespace pinion::test {
namespace {

std::string example(const std::string& name) {
    return read_file(std::string(PINION_SOURCE_DIR) + "/examples/" + name + ".yaml", 1 << 20).value_or("");
}

// The rest of each line after `text`.
std::vector<std::string> all_after(const std::string& log, const std::string& text) {
    std::vector<std::string> found;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);)
        if (const auto at = line.find(text); at != std::string::npos) found.push_back(line.substr(at + text.size()));
    return found;
}

TEST(Tutorial, SquaresAndCubesAreComputedInParallelAndJoined) {
    DaemonRun daemon(example("squares-and-cubes"));
    const auto joined = daemon.ctl({"wait", "squares", "cubes", "--timeout", "25s"});
    EXPECT_EQ(joined.code, 0) << joined.err;
    EXPECT_EQ(daemon.stop(), 0);
    for (const int n : {10, 20, 30, 40, 50}) {
        const auto number = std::to_string(n);
        EXPECT_EQ(daemon.count("squares/0 | square of " + number + ": " + std::to_string(n * n)), 1);
        EXPECT_EQ(daemon.count("cubes/0 | cube of " + number + ": " + std::to_string(n * n * n)), 1);
    }
    EXPECT_EQ(daemon.count(": started as pid"), 2) << "a finished worker of policy never came back";
}

TEST(Tutorial, EveryWorkerHasAMemoryOfItsOwn) {
    DaemonRun daemon(example("own-memory"));
    EXPECT_EQ(daemon.ctl({"wait", "--timeout", "25s"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(all_after(daemon.log(), "changer: my numbers are "), std::vector<std::string>{"1 2 3 4 5"});
    EXPECT_EQ(all_after(daemon.log(), "neighbour: my numbers are "), std::vector<std::string>{"1 2 3"});
    EXPECT_LT(daemon.log().find("changer/0: started"), daemon.log().find("neighbour/0: started"));
}

TEST(Tutorial, FourProcessesEachHaveAPidAndANumber) {
    DaemonRun daemon(example("four-numbers"));
    EXPECT_EQ(daemon.ctl({"wait", "numbers", "--timeout", "25s"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
    std::set<std::string> pids;
    std::set<std::string> numbers;
    for (const auto& line : all_after(daemon.log(), " | process ")) {
        pids.insert(line.substr(0, line.find(' ')));
        numbers.insert(line.substr(line.rfind(' ') + 1));
    }
    EXPECT_EQ(pids.size(), 4U);
    EXPECT_EQ(numbers, (std::set<std::string>{"1", "2", "3", "4"}));
    // The pids printed are those that the supervisor told of.
    for (const auto& pid : pids) EXPECT_EQ(daemon.count("started as pid " + pid + " "), 1) << pid;
}

TEST(Tutorial, QuickstartStartsFinishesItsWorkAndLeavesNothing) {
    const auto mark = unique_mark();
    DaemonRun daemon(example("quickstart") + "\ndefaults:\n  env: {MARK: " + mark + "}\n");
    EXPECT_EQ(daemon.ctl({"wait", "squares", "--timeout", "25s"}).code, 0);
    EXPECT_EQ(daemon.ctl({"wait", "--ready", "ticker", "--timeout", "25s"}).code, 0);
    EXPECT_FALSE(daemon.wait_for("tick from worker ").empty());
    EXPECT_NE(daemon.pid_of("ticker", 0), 0);
    EXPECT_NE(daemon.pid_of("ticker", 1), daemon.pid_of("ticker", 0));
    EXPECT_FALSE(processes_with(mark).empty()) << "the census below would count nothing";
    EXPECT_EQ(daemon.stop(), 0);
    for (const int n : {10, 20, 30, 40, 50})
        EXPECT_EQ(daemon.count("the square of " + std::to_string(n) + " is " + std::to_string(n * n)), 1);
    EXPECT_TRUE(processes_with(mark).empty());
}

}  // namespace
}  // namespace pinion::test
