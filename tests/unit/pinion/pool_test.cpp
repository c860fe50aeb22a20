// SPDX-License-Identifier: Apache-2.0
// A pool does what multiprocessing's does, in order, with exceptions, and with what workers should see.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pinion/shared_memory.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <map>
#include <numeric>
#include <set>

#include "children.h"

namespace pinion {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::numbers;
using testing::plenty;

int twice(int value) { return 2 * value; }

TEST(Pool, MapsInOrder) {
    Pool pool(2);
    EXPECT_THAT(pool.map(twice, std::vector{1, 2, 3, 4, 5}), ElementsAre(2, 4, 6, 8, 10));
    EXPECT_THAT(pool.map([](int value) { return value * 0.5; }, std::vector{1, 2}), ElementsAre(0.5, 1.0));
    EXPECT_TRUE(pool.map(twice, std::vector<int>{}).empty());
}

TEST(Pool, MapsMoreThanItHasSlotsInChunksOfAnySize) {
    Pool pool(3);
    const auto inputs = numbers(5000);
    for (const std::size_t chunk : {1U, 7U, 5000U, 9999U}) {
        const auto results = pool.map(twice, inputs, {.chunk_size = chunk});
        ASSERT_EQ(results.size(), inputs.size());
        for (const int input : inputs) ASSERT_EQ(results[static_cast<std::size_t>(input)], 2 * input);
    }
}

TEST(Pool, CarriesTextListsAndWhatALambdaHolds) {
    Pool pool(2);
    const int factor = 3;
    const auto repeat = [factor](const std::string& text) {
        std::vector<std::string> all(static_cast<std::size_t>(factor), text);
        return all;
    };
    const auto results = pool.map(repeat, std::vector<const char*>{"a", "b"});
    EXPECT_THAT(results, ElementsAre(ElementsAre("a", "a", "a"), ElementsAre("b", "b", "b")));
}

TEST(Pool, CarriesMessagesOfMegabytesAndGivesTheirMemoryBack) {
    Pool pool({.workers = 2, .largest_message = 20 << 20});
    const auto grow = [](const std::string& text) { return text + text; };
    for (int i = 0; i < 3; ++i) EXPECT_EQ(pool.submit(grow, std::string(9 << 20, 'x')).get().size(), 18U << 20);
    EXPECT_THROW(static_cast<void>(pool.submit(grow, std::string(30 << 20, 'x'))), std::length_error);
    auto result = pool.submit(grow, std::string(15 << 20, 'x'));
    EXPECT_THROW(static_cast<void>(result.get()), TaskFailed) << "its result is too large";
    EXPECT_EQ(pool.submit(grow, "ab").get(), "abab");
}

TEST(Pool, CallsWithArguments) {
    Pool pool(1);
    auto sum =
        pool.submit([](int a, const std::string& b, double c) { return std::to_string(a) + b + std::to_string(c); }, 1,
                    " and ", 0.5);
    ASSERT_TRUE(sum.wait_for(plenty));
    EXPECT_TRUE(sum.ready());
    EXPECT_EQ(sum.get(), "1 and 0.500000");
    auto nothing = pool.submit([] {});
    nothing.get();
    EXPECT_THROW(nothing.get(), std::logic_error);
    pool.map([](int) {}, std::vector{1, 2});
}

TEST(Pool, BringsAnExceptionWithItsText) {
    Pool pool(2);
    const auto fragile = [](int value) {
        if (value == 3) throw std::out_of_range("three is too much");
        return value;
    };
    try {
        pool.map(fragile, numbers(6));
        FAIL();
    } catch (const TaskFailed& error) {
        EXPECT_EQ(error.type(), "std::out_of_range");
        EXPECT_STREQ(error.what(), "std::out_of_range: three is too much");
    }
    for (const std::size_t chunk : {1U, 4U}) {
        const auto outcomes = pool.try_map(fragile, numbers(6), {.chunk_size = chunk});
        ASSERT_EQ(outcomes.size(), 6U);
        for (const auto& outcome : outcomes) {
            EXPECT_EQ(outcome.ok(), outcome.index() != 3);
            if (outcome.ok()) {
                EXPECT_EQ(outcome.value(), static_cast<int>(outcome.index()));
            }
        }
        EXPECT_THROW(static_cast<void>(outcomes[3].value()), TaskFailed);
    }
    EXPECT_EQ(pool.replaced(), 0U);
}

TEST(Pool, GivesResultsOneByOneInOrderOrAsTheyCome) {
    Pool pool(2);
    Event first_may_end;
    const auto wait_in_first = [event = &first_may_end](int value) {
        if (value == 0) event->wait();
        return value;
    };
    // The event is in memory that workers have too: it was there before them.
    Pool workers(2);
    auto as_they_come = workers.map_unordered(wait_in_first, numbers(5));
    std::vector<int> seen;
    while (seen.size() < 4) seen.push_back(as_they_come.next(plenty)->value());
    EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4));
    EXPECT_FALSE(as_they_come.next(2ms).has_value());
    first_may_end.set();
    EXPECT_EQ(as_they_come.next(plenty)->value(), 0);
    EXPECT_FALSE(as_they_come.next().has_value());

    int expected = 0;
    for (auto& outcome : pool.imap(twice, numbers(1000), {.chunk_size = 3})) ASSERT_EQ(outcome.value(), 2 * expected++);
    EXPECT_EQ(expected, 1000);
}

TEST(Pool, RunsAnInitializerInEachWorker) {
    static int prepared = 0;
    Pool pool({.workers = 3, .initializer = [] { prepared = ::getpid(); }});
    for (const int value : pool.map([](int) { return prepared == ::getpid() ? 1 : 0; }, numbers(50)))
        EXPECT_EQ(value, 1);
    EXPECT_EQ(prepared, 0);
}

TEST(Pool, ReplacesWorkersThatHaveDoneTheirShare) {
    SharedMemory memory(200 * sizeof(std::atomic<int>));
    auto* const ran = new (memory.data()) std::atomic<int>[200];
    Pool pool({.workers = 2, .max_tasks_per_child = 10});
    const auto pids = pool.map(
        [ran](int number) {
            ++ran[number];
            return ::getpid();
        },
        numbers(200));
    for (int number = 0; number < 200; ++number) EXPECT_EQ(ran[number], 1) << "task " << number;
    std::map<pid_t, int> tasks;
    for (const pid_t pid : pids) ++tasks[pid];
    // The last worker of each slot may find nothing more to do before it has had its share.
    std::ptrdiff_t unspent = 0;
    for (const auto& [pid, count] : tasks) {
        EXPECT_LE(count, 10);
        if (count < 10) ++unspent;
    }
    EXPECT_LE(unspent, 2);
    EXPECT_EQ(tasks.size(), 20U + static_cast<std::size_t>(unspent / 2));
}

TEST(Pool, PinsItsWorkersSoftlyByDefault) {
    Pool pool(2);
    const auto workers = pool.workers();
    ASSERT_EQ(workers.size(), 2U);
    for (const auto& worker : workers) EXPECT_GT(worker.cpus.size(), 0U);
    const auto masks = pool.map(
        [](int) {
            cpu_set_t set;
            ::sched_getaffinity(0, sizeof set, &set);
            std::vector<unsigned> cpus;
            for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
                if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
            return std::make_pair(::getpid(), cpus);
        },
        numbers(20));
    for (const auto& [pid, cpus] : masks)
        for (const auto& worker : workers)
            if (worker.pid == pid) {
                EXPECT_EQ(cpus, worker.cpus);
            }
    Pool floating({.workers = 1, .pin = PoolOptions::Pin::none});
    EXPECT_TRUE(floating.workers().at(0).cpus.empty());
}

TEST(Pool, HasWorkersWithItsNameThatIgnoreAnInterrupt) {
    Pool pool({.workers = 1, .name = "squares"});
    const auto name = [] {
        std::raise(SIGINT);
        char text[16] = {};
        ::prctl(PR_GET_NAME, text);
        return std::string(text);
    };
    EXPECT_EQ(pool.submit(name).get(), "squares");
}

TEST(Pool, DoesWhatItWasGivenBeforeItCloses) {
    Pool pool(2);
    auto results = pool.imap(twice, numbers(1000));
    pool.close();
    EXPECT_THROW(static_cast<void>(pool.submit(twice, 1)), PoolClosed);
    EXPECT_TRUE(pool.join(plenty));
    EXPECT_TRUE(pool.join());
    EXPECT_TRUE(pool.workers().empty());
    int expected = 0;
    for (auto& outcome : results) ASSERT_EQ(outcome.value(), 2 * expected++);
    EXPECT_EQ(expected, 1000);
}

TEST(Pool, ThatIsEndedFailsWhatIsNotDone) {
    Event never;
    std::optional<Pool> pool(std::in_place, 1);
    const auto wait = [event = &never] { event->wait(); };
    auto running = pool->submit(wait);
    auto waiting = pool->submit(wait);
    EXPECT_FALSE(pool->join(2ms));
    pool.reset();
    EXPECT_THROW(running.get(), PoolClosed);
    EXPECT_THROW(waiting.get(), PoolClosed);
}

TEST(Pool, OfTheParentIsRefusedInAForkedChild) {
    Pool pool(1);
    Process process([&] {
        try {
            static_cast<void>(pool.submit(twice, 1));
        } catch (const std::logic_error&) {
            return 5;
        }
        return 0;
    });
    EXPECT_EQ(process.join().status, 5);
    EXPECT_EQ(pool.submit(twice, 4).get(), 8);
}

TEST(Pool, WorksInAProcessOfAPoolOrBesideThreads) {
    Pool outer(2);
    const auto nested = [](int value) {
        Pool inner(2);
        const auto results = inner.map(twice, numbers(value));
        return std::accumulate(results.begin(), results.end(), 0);
    };
    EXPECT_THAT(outer.map(nested, std::vector{3, 5}), ElementsAre(6, 20));
    std::vector<std::thread> threads;
    std::atomic<int> right = 0;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 50; ++n)
                if (outer.submit(twice, n).get() == 2 * n) ++right;
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(right, 200);
}

}  // namespace
}  // namespace pinion
