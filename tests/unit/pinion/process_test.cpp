// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "children.h"

namespace pinion {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::plenty;

TEST(Process, RunsACallableInAnotherProcess) {
    SharedValue<pid_t> seen;
    Process process([&] { *seen = ::getpid(); });
    const Death& death = process.join();
    EXPECT_TRUE(death.succeeded()) << to_string(death);
    EXPECT_EQ(*seen, process.pid());
    EXPECT_NE(*seen, ::getpid());
}

TEST(Process, GivesTheResultAsItsStatus) {
    Process process([] { return 42; });
    EXPECT_EQ(process.join().status, 42);
    EXPECT_EQ(to_string(*process.death()), "exit 42");
}

TEST(Process, TellsWhatWasThrown) {
    Process process([]() -> int { throw std::out_of_range("no page 7"); });
    const Death& death = process.join();
    EXPECT_EQ(death.status, 1);
    EXPECT_EQ(death.error, "std::out_of_range: no page 7");
    Process other([] { throw 7; });
    EXPECT_THAT(other.join().error, HasSubstr("int"));
}

TEST(Process, TellsTheSignalThatEndedIt) {
    Process process([] { std::raise(SIGUSR1); });
    EXPECT_EQ(process.join().cause, Death::Cause::signaled);
    EXPECT_EQ(to_string(*process.death()), "SIGUSR1");
}

TEST(Process, IsAliveUntilItIsTerminated) {
    Process process([] { ::pause(); });
    EXPECT_TRUE(process.is_alive());
    EXPECT_FALSE(process.death().has_value());
    EXPECT_FALSE(process.join(1ms));
    process.terminate();
    ASSERT_TRUE(process.join(plenty));
    EXPECT_EQ(process.death()->status, SIGTERM);
    EXPECT_FALSE(process.is_alive());
    process.kill();  // of one that is gone: nothing
}

TEST(Process, InheritsNoSignalHandlerButWhatIsIgnored) {
    struct sigaction handler{};
    handler.sa_handler = [](int) {};
    struct sigaction before{};
    ::sigaction(SIGTERM, &handler, &before);
    ::signal(SIGUSR2, SIG_IGN);
    Process process([] {
        std::raise(SIGUSR2);
        std::raise(SIGTERM);
    });
    EXPECT_EQ(process.join().status, SIGTERM);
    ::sigaction(SIGTERM, &before, nullptr);
    ::signal(SIGUSR2, SIG_DFL);
}

TEST(Process, HasANameAFolderVariablesAndCpus) {
    cpu_set_t mine;
    ::sched_getaffinity(0, sizeof mine, &mine);
    unsigned cpu = 0;
    while (!CPU_ISSET(cpu, &mine)) ++cpu;
    Process process(
        [cpu] {
            char name[16] = {};
            ::prctl(PR_GET_NAME, name);
            cpu_set_t set;
            ::sched_getaffinity(0, sizeof set, &set);
            return std::string(name) == "squares-and-cub" && std::filesystem::current_path() == "/" &&
                           std::getenv("PAGE") == std::string("7") && CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set)
                       ? 0
                       : 9;
        },
        {.name = "squares-and-cubes", .cpus = {cpu}, .env = {{"PAGE", "7"}}, .cwd = "/"});
    EXPECT_EQ(to_string(process.join()), "exit 0");
    EXPECT_EQ(std::getenv("PAGE"), nullptr);
}

TEST(Process, ThatCantBeginAsAskedSaysWhy) {
    Process process([] { return 0; }, {.cwd = "/no/such/folder"});
    EXPECT_EQ(process.join().status, 127);
    EXPECT_EQ(process.death()->error, "change to folder '/no/such/folder': No such file or directory");
}

TEST(Process, EndsWithItsObjectUnlessItIsDetached) {
    int pidfd = -1;
    {
        Process process([] { ::pause(); });
        pidfd = ::fcntl(process.pidfd(), F_DUPFD_CLOEXEC, 0);
    }
    pollfd ended{pidfd, POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, 0), 1);
    ::close(pidfd);

    Process process([] { return 3; });
    const pid_t pid = process.pid();
    process.detach();
    EXPECT_THROW(static_cast<void>(process.pid()), std::logic_error);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WEXITSTATUS(status), 3);
}

// A grandchild tells through a pipe, whose end nobody else holds, that it is gone.
TEST(Process, DiesWithItsParentHoweverThatEnds) {
    for (const bool follows : {true, false}) {
        int alive[2];
        ASSERT_EQ(::pipe2(alive, O_CLOEXEC), 0);
        SharedValue<pid_t> grandchild;
        Event started;
        Process parent([&] {
            std::thread([&] {  // its end is not the parent's
                Process child([&] { started.set(), ::pause(); }, {.die_with_parent = follows});
                *grandchild = child.pid();
                child.detach();
            })
                .join();
            ::pause();
        });
        ASSERT_TRUE(started.wait_for(plenty));
        ::close(alive[1]);
        pollfd gone{alive[0], POLLIN, 0};
        EXPECT_EQ(::poll(&gone, 1, 20), 0);  // neither has ended with the thread
        parent.kill();
        parent.join();
        if (follows) {
            EXPECT_EQ(::poll(&gone, 1, 60000), 1);
        } else {
            EXPECT_EQ(::poll(&gone, 1, 20), 0);
            ::kill(*grandchild, SIGKILL);
            EXPECT_EQ(::poll(&gone, 1, 60000), 1);
        }
        ::close(alive[0]);
    }
}

TEST(Process, OfTheParentIsLeftAloneByAForkedChild) {
    Process sibling([] { ::pause(); });
    Process process([&] {
        try {
            static_cast<void>(sibling.is_alive());
        } catch (const std::logic_error&) {
            Process taken = std::move(sibling);  // its destructor must not kill
            return 5;
        }
        return 0;
    });
    EXPECT_EQ(process.join().status, 5);
    EXPECT_TRUE(sibling.is_alive());
}

TEST(Process, WhoseExitIsReapedByOthersIsStillSeenToEnd) {
    ::signal(SIGCHLD, SIG_IGN);
    Process process([] { return 3; });
    ASSERT_TRUE(process.join(plenty));
    ::signal(SIGCHLD, SIG_DFL);
    EXPECT_EQ(process.death()->cause, Death::Cause::unknown);
}

TEST(Process, IsManyAtOnce) {
    std::vector<Process> processes;
    for (int i = 0; i < 50; ++i) processes.emplace_back([i] { return i; });
    for (int i = 0; i < 50; ++i) EXPECT_EQ(processes[static_cast<std::size_t>(i)].join().status, i);
}

TEST(Command, RunsAProgramWithItsArgumentsAndVariables) {
    auto process =
        Process::command({"sh", "-c", "test \"$1$PAGE\" = '${x} y7' && test \"$PWD\" = /usr", "sh", "${x} y"},
                         {.env = {{"PAGE", "7"}}, .cwd = "/usr"});
    EXPECT_EQ(to_string(process.join()), "exit 0");
}

TEST(Command, KeepsSessionUmaskAndStandardFiles) {
    const auto umask = ::umask(0);
    ::umask(umask);
    auto process =
        Process::command({"sh", "-c",
                          "test $(ps -o sid= -p $$) = " + std::to_string(::getsid(0)) + " && test $(umask) -eq " +
                              std::to_string((umask >> 6) * 100 + (umask >> 3 & 7) * 10 + (umask & 7)) +
                              " && test ! -e /proc/self/fd/9"});
    EXPECT_EQ(to_string(process.join()), "exit 0");
}

TEST(Command, ThatDoesNotExistIsAnErrorAtOnce) {
    try {
        static_cast<void>(Process::command({"no-such-program"}));
        FAIL();
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
        EXPECT_THAT(error.what(), HasSubstr("exec 'no-such-program'"));
    }
    EXPECT_THROW(static_cast<void>(Process::command({})), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(Process::command({"true"}, {.cwd = "/no/such/folder"})), std::system_error);
}

TEST(Command, OutlivesTheThreadThatStartedIt) {
    std::optional<Process> process;
    std::thread([&] { process.emplace(Process::command({"sleep", "1000"})); }).join();
    EXPECT_FALSE(process->join(20ms));
    process->terminate();
    EXPECT_EQ(process->join().status, SIGTERM);
}

TEST(Command, DiesWithItsParent) {
    int alive[2];
    ASSERT_EQ(::pipe(alive), 0);
    Event started;
    Process parent([&] {
        ::dup2(alive[1], 1);
        auto child = Process::command({"sleep", "1000"});
        ::close(1);
        ::close(alive[1]);
        started.set();
        ::pause();
    });
    ASSERT_TRUE(started.wait_for(plenty));
    ::close(alive[1]);
    pollfd gone{alive[0], POLLIN, 0};
    EXPECT_EQ(::poll(&gone, 1, 0), 0);
    parent.kill();
    EXPECT_EQ(::poll(&gone, 1, 60000), 1);
    ::close(alive[0]);
}

}  // namespace
}  // namespace pinion
