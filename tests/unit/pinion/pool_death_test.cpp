// SPDX-License-Identifier: Apache-2.0
// What a pool does when its workers die, hang, or can't begin: nothing waits for ever, and nobody pays but the task
// that was running.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "children.h"

namespace pinion {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::numbers;
using testing::plenty;

int die_at_seven(int value) {
    if (value == 7) std::raise(SIGKILL);
    return value;
}

TEST(PoolDeath, FailsTheTaskThatRanAndNoOther) {
    Pool pool(2);
    const auto outcomes = pool.try_map(die_at_seven, numbers(500));
    ASSERT_EQ(outcomes.size(), 500U);
    for (const auto& outcome : outcomes) EXPECT_EQ(outcome.ok(), outcome.index() != 7) << outcome.index();
    try {
        static_cast<void>(outcomes[7].value());
        FAIL();
    } catch (const WorkerDied& error) {
        EXPECT_EQ(error.death().status, SIGKILL);
        EXPECT_STREQ(error.what(), "worker died: SIGKILL");
    }
    EXPECT_THROW(pool.map(die_at_seven, numbers(10)), WorkerDied);
    EXPECT_EQ(pool.workers().size(), 2U);
    EXPECT_EQ(pool.replaced(), 2U);
}

TEST(PoolDeath, SeesAnExitAndACrash) {
    Pool pool(1);
    const auto leave = [](int status) { ::_exit(status); };
    auto left = pool.submit(leave, 3);
    try {
        left.get();
        FAIL();
    } catch (const WorkerDied& error) {
        EXPECT_EQ(to_string(error.death()), "exit 3");
    }
    auto crashed = pool.submit([] { std::abort(); });
    try {
        crashed.get();
        FAIL();
    } catch (const WorkerDied& error) {
        EXPECT_EQ(error.death().status, SIGABRT);
    }
}

TEST(PoolDeath, RunsATaskAgainWhereItMay) {
    SharedValue<std::atomic<int>> runs(0);
    Pool pool(2);
    const auto third_time = [counter = &*runs](int value) {
        if (++*counter < 3) std::raise(SIGKILL);
        return value;
    };
    EXPECT_EQ(pool.submit_with({.retries = 2}, third_time, 5).get(), 5);
    *runs = -10;
    auto hopeless = pool.submit_with({.retries = 2}, third_time, 5);
    EXPECT_THROW(static_cast<void>(hopeless.get()), WorkerDied);
    EXPECT_EQ(*runs, -7);
}

TEST(PoolDeath, EndsATaskThatTakesTooLong) {
    Pool pool(2);
    const auto hang_at_two = [](int value) {
        if (value == 2)
            for (;;) ::pause();
        return value;
    };
    const auto outcomes = pool.try_map(hang_at_two, numbers(50), {.timeout = 50ms});
    for (const auto& outcome : outcomes) EXPECT_EQ(outcome.ok(), outcome.index() != 2) << outcome.index();
    EXPECT_THROW(static_cast<void>(outcomes[2].value()), TaskTimedOut);
    EXPECT_EQ(pool.replaced(), 1U);
}

TEST(PoolDeath, TimesATaskFromItsBeginningNotFromItsSubmission) {
    Event go;
    Pool pool(1);
    auto first = pool.submit([event = &go] { event->wait(); });
    auto second = pool.submit_with({.timeout = 1s}, [] { return 7; });
    EXPECT_FALSE(second.wait_for(1200ms));
    go.set();
    first.get();
    EXPECT_EQ(second.get(), 7);
}

TEST(PoolDeath, ReplacesAWorkerThatIsKilledWhileIdle) {
    Pool pool(1);
    const pid_t before = pool.submit([] { return ::getpid(); }).get();
    for (int i = 0; i < 20; ++i) {
        ::kill(pool.workers().at(0).pid, SIGKILL);
        // It may not be dead when it takes this one.
        auto next = pool.submit_with({.retries = 1}, [] { return ::getpid(); });
        ASSERT_TRUE(next.wait_for(plenty));
        EXPECT_NE(next.get(), before);
    }
}

// A worker that is forked while something is buffered has it, too.
TEST(PoolDeath, WritesNothingTwiceThatWaitedInABuffer) {
    int output[2];
    ASSERT_EQ(::pipe(output), 0);
    Process program([&] {
        ::dup2(output[1], STDOUT_FILENO);
        std::setvbuf(stdout, nullptr, _IOFBF, 4096);
        Pool pool({.workers = 1, .max_tasks_per_child = 1});
        std::printf("once ");
        const auto speak = [](int value) { std::printf("task%d ", value); };
        for (int i = 0; i < 3; ++i) pool.submit(speak, i).get();
        pool.close();
        pool.join();
    });
    EXPECT_EQ(to_string(program.join()), "exit 0");
    std::string text(1000, '\0');
    text.resize(static_cast<std::size_t>(::read(output[0], text.data(), text.size())));
    EXPECT_EQ(text, "task0 task1 task2 once ");
    ::close(output[0]);
    ::close(output[1]);
}

TEST(PoolDeath, GivesUpWhereWorkersCantBegin) {
    Pool pool({.workers = 2, .initializer = [] { throw std::runtime_error("no licence"); }});
    try {
        auto result = pool.submit([] { return 1; });
        ASSERT_TRUE(result.wait_for(plenty));
        static_cast<void>(result.get());
        FAIL();
    } catch (const PoolClosed& error) {
        EXPECT_THAT(error.what(), HasSubstr("workers end at their start: exit 1: std::runtime_error: no licence"));
    }
    EXPECT_TRUE(pool.join(plenty));
}

TEST(PoolDeath, RefusesMoreThanItCanHave) {
    EXPECT_THROW(Pool(100000), std::invalid_argument);
    EXPECT_THROW(Pool({.workers = 1000, .pin = PoolOptions::Pin::core}), std::runtime_error);
}

// Workers are killed at random moments while they work: each input is done, or its death is told; nothing is done twice
// without leave, nothing is left over.
TEST(PoolDeath, LosesNothingWhenWorkersAreKilledAtAnyMoment) {
    const char* more = std::getenv("PINION_POOL_KILLS");
    const int kills = more != nullptr ? std::atoi(more) : 200;
    constexpr int count = 3000;
    SharedArray<std::atomic<int>> runs(count);
    Pool pool(4);
    std::mt19937 random(6);
    int killed = 0;
    while (killed < kills) {
        for (auto& run : runs) run = 0;
        auto results = pool.imap(
            [all = runs.data()](int value) {
                ++all[value];
                return value;
            },
            numbers(count));
        std::thread killer([&] {
            for (int i = 0; i < 20; ++i, ++killed) {
                const auto workers = pool.workers();
                if (workers.empty()) continue;
                const int pidfd =
                    static_cast<int>(::syscall(SYS_pidfd_open, workers[random() % workers.size()].pid, 0));
                ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
                pollfd dead{pidfd, POLLIN, 0};
                ::poll(&dead, 1, 1000);
                ::close(pidfd);
            }
        });
        int done = 0;
        int died = 0;
        while (auto outcome = results.next(plenty)) {
            const int times = runs[outcome->index()];
            ASSERT_LE(times, 1);
            if (outcome->ok()) {
                ++done;
                ASSERT_EQ(times, 1);
                ASSERT_EQ(outcome->value(), static_cast<int>(outcome->index()));
            } else {
                ++died;
                ASSERT_THROW(static_cast<void>(outcome->value()), WorkerDied);
            }
        }
        killer.join();
        EXPECT_EQ(done + died, count);
        EXPECT_LE(died, 20);
    }
    pool.close();
    EXPECT_TRUE(pool.join(plenty));
}

TEST(PoolDeath, LeavesNoWorkerBehindWhenItsProcessIsKilled) {
    int alive[2];
    ASSERT_EQ(::pipe(alive), 0);
    Event started;
    Process parent([&] {
        Pool pool(3);
        pool.map([](int value) { return value; }, numbers(10));
        ::close(alive[1]);
        started.set();
        ::pause();
    });
    ASSERT_TRUE(started.wait_for(plenty));
    ::close(alive[1]);
    parent.kill();
    pollfd gone{alive[0], POLLIN, 0};
    EXPECT_EQ(::poll(&gone, 1, 60000), 1);
    ::close(alive[0]);
}

}  // namespace
}  // namespace pinion
