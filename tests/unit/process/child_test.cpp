// SPDX-License-Identifier: Apache-2.0
#include "process/child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "harness.h"
#include "process/process_facts.h"

namespace pinion::process {
namespace {

using test::Method;
using test::run;
using test::script_of;
using test::spec_of;
using testing::Contains;
using testing::Not;

Child start(const PoolSpec& spec) {
    const ImageBuffer image = test::image_of(spec);
    auto child = spawn(image.image(), -1);
    EXPECT_TRUE(child);
    return std::move(*child);
}

TEST(SendSignal, ReachesTheProcess) {
    const Child child = start(spec_of({"/bin/sleep", "1000"}));
    EXPECT_TRUE(send_signal(child.pidfd.fd(), SIGTERM));
    EXPECT_EQ(to_string(test::await_death(child)), "SIGTERM");
}

TEST(SendSignal, ToAProcessThatIsGoneIsSuccess) {
    const Child child = start(spec_of({"/bin/true"}));
    test::await_death(child);
    EXPECT_TRUE(send_signal(child.pidfd.fd(), SIGTERM));
}

TEST(SendSignal, RefusesASignalThatDoesNotExist) {
    const Child child = start(spec_of({"/bin/sleep", "1000"}));
    const auto sent = send_signal(child.pidfd.fd(), 99);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, EINVAL);
    EXPECT_TRUE(send_signal(child.pidfd.fd(), SIGKILL));
    test::await_death(child);
}

TEST(Reap, IsNothingWhileTheProcessRuns) {
    const Child child = start(spec_of({"/bin/sleep", "1000"}));
    const auto early = reap(child.pidfd.fd());
    ASSERT_TRUE(early);
    EXPECT_FALSE(*early);
    EXPECT_TRUE(send_signal(child.pidfd.fd(), SIGKILL));
    EXPECT_EQ(to_string(test::await_death(child)), "SIGKILL");
}

TEST(Reap, IsNothingWhileTheProcessIsStopped) {
    const Child child = start(script_of("kill -STOP $$; exit 4"));
    // Wait for the stop itself, without reaping.
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid), &info, WSTOPPED | WNOWAIT), 0);
    EXPECT_FALSE(reap(child.pidfd.fd()).value());
    EXPECT_TRUE(send_signal(child.pidfd.fd(), SIGCONT));
    EXPECT_EQ(to_string(test::await_death(child)), "exit 4");
}

TEST(Reap, OfAChildThatIsReapedFails) {
    const Child child = start(spec_of({"/bin/true"}));
    test::await_death(child);
    EXPECT_EQ(reap(child.pidfd.fd()).error().code, ECHILD);
}

TEST(Reap, TellsCodesAndSignals) {
    EXPECT_EQ(to_string(run(Method::clone, script_of("exit 255")).death), "exit 255");
    EXPECT_EQ(to_string(run(Method::clone, script_of("kill -USR1 $$")).death), "SIGUSR1");
}

TEST(Reap, TellsACoreDump) {
    std::ifstream pattern("/proc/sys/kernel/core_pattern");
    if (pattern.peek() != 'c') GTEST_SKIP() << "this machine does not write core files beside the program";
    const auto folder = std::filesystem::temp_directory_path() / ("pinion-core-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder);
    PoolSpec spec = script_of("kill -SEGV $$");
    spec.cwd = folder;
    EXPECT_EQ(to_string(run(Method::clone, spec).death), "SIGSEGV");
    spec.limits = {{RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY}};
    if (test::is_root()) {
        EXPECT_EQ(to_string(run(Method::clone, spec).death), "SIGSEGV (core dumped)");
    }
    std::filesystem::remove_all(folder);
}

TEST(Reap, TakesTheResourceUsage) {
    const Death death = run(Method::clone, script_of("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")).death;
    EXPECT_GT(death.cpu_user.count(), 10'000);
    EXPECT_GE(death.peak_memory_bytes, 256U << 10);
    EXPECT_LT(death.peak_memory_bytes, 1U << 30);
}

TEST(ProcessFacts, ReadAStatLineWithAnyCommand) {
    const auto facts = parse_stat(
        "42 (a) R (b)) S 7 40 39 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 2854912 200 18446744073709551615\n");
    ASSERT_TRUE(facts);
    EXPECT_EQ(*facts, (ProcessFacts{42, 7, 40, 39, 98765, true}));
}

TEST(ProcessFacts, SeeThatAnExecIsUnderWay) {
    const auto with_end = [](const std::string& end) {
        std::string text = "42 (x) R 7 40 39 0 -1 0 1 0 0 0 0 0 0 0 20 0 1 0 5";  // to field 22, the start time
        for (int field = 23; field <= 50; ++field) text += " 1";
        return parse_stat(text + " " + end + " 0\n").value();
    };
    EXPECT_TRUE(with_end("0").in_exec);
    EXPECT_FALSE(with_end("140735858130903").in_exec);
    EXPECT_FALSE(read_facts(::getpid())->in_exec);
}

TEST(ProcessFacts, KnowAZombieFromOneWhoseThreadsGoOn) {
    const std::string head = "42 (x) Z 7 40 39 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 ";
    EXPECT_FALSE(parse_stat(head + "1 0 98765 0")->running);
    EXPECT_TRUE(parse_stat(head + "2 0 98765 0")->running);
}

TEST(ProcessFacts, RefuseWhatIsNoStatLine) {
    for (const char* text : {"", "42", "42 (x", "42 (x) S 1 2 3", "x (y) S 7 40 39 0 -1 0 1 0 0 0 0 0 0 0 20 0 1 0 5 0",
                             ") (", "42 (x) S a 40 39 0 -1 0 1 0 0 0 0 0 0 0 20 0 1 0 5 0"})
        EXPECT_FALSE(parse_stat(text)) << text;
}

TEST(ProcessFacts, AreNothingForAProcessThatIsGone) {
    const Child child = start(spec_of({"/bin/true"}));
    test::await_death(child);
    EXPECT_FALSE(read_facts(child.pid));
}

TEST(ProcessFacts, ListTheChildrenOfEveryThread) {
    pid_t pid = -1;
    std::thread other([&] {
        const Child child = start(spec_of({"/bin/sleep", "1000"}));
        pid = child.pid;
        EXPECT_THAT(children_of(::getpid()), Contains(pid));
        EXPECT_TRUE(send_signal(child.pidfd.fd(), SIGKILL));
        test::await_death(child);
    });
    other.join();
    EXPECT_THAT(children_of(::getpid()), Not(Contains(pid)));
}

TEST(ProcessFacts, FindAnEnvironmentEntryWhole) {
    const std::string environment("A=1\0PINION_SLOT=1\0B=2", 21);
    EXPECT_TRUE(holds_entry(environment, "PINION_SLOT=1"));
    EXPECT_TRUE(holds_entry(environment, "B=2"));
    EXPECT_FALSE(holds_entry(environment, "PINION_SLOT=11"));
    EXPECT_FALSE(holds_entry(environment, "INION_SLOT=1"));
    EXPECT_FALSE(holds_entry("", "A=1"));
}

}  // namespace
}  // namespace pinion::process
