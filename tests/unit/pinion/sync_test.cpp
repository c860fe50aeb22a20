// SPDX-License-Identifier: Apache-2.0
// Locks, semaphores, events, conditions and barriers between processes, some of which are killed.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mutex>

#include "children.h"

namespace pinion {
namespace {

using namespace std::chrono_literals;
using testing::kill_at_random;
using testing::plenty;

TEST(SharedMemory, IsSeenByAForkedChild) {
    SharedArray<int> squares(5);
    Process process([&] {
        for (std::size_t i = 0; i < squares.size(); ++i) squares[i] = static_cast<int>(i * i);
    });
    process.join();
    EXPECT_EQ(std::vector<int>(squares.begin(), squares.end()), (std::vector<int>{0, 1, 4, 9, 16}));
}

TEST(SharedMemory, HasANameForOthers) {
    const std::string name = "pinion-test-" + std::to_string(::getpid());
    auto mine = SharedMemory::create(name, 100);
    EXPECT_THROW(static_cast<void>(SharedMemory::create(name, 100)), std::system_error);
    const auto theirs = SharedMemory::open(name);
    EXPECT_EQ(theirs.size(), 100U);
    mine.bytes()[99] = std::byte{7};
    EXPECT_EQ(theirs.bytes()[99], std::byte{7});
    EXPECT_TRUE(SharedMemory::unlink(name));
    EXPECT_FALSE(SharedMemory::unlink(name));
    EXPECT_THROW(static_cast<void>(SharedMemory::open(name)), std::system_error);
    EXPECT_EQ(theirs.bytes()[99], std::byte{7});
}

TEST(SharedMemory, TravelsAsADescriptor) {
    SharedValue<int> value(42);
    const auto other = SharedValue<int>::attach(SharedMemory::from_fd(value.memory().fd()));
    ++*other;
    EXPECT_EQ(*value, 43);
    EXPECT_THROW(SharedMemory(0), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(SharedValue<std::array<char, 8192>>::attach(SharedMemory(1))),
                 std::invalid_argument);
}

TEST(Lock, LetsOneInAtATime) {
    SharedValue<long> counter(0);
    Lock lock;
    std::vector<Process> processes;
    for (int i = 0; i < 4; ++i)
        processes.emplace_back([&] {
            for (int n = 0; n < 20000; ++n) {
                const std::lock_guard guard(lock);
                *counter = *counter + 1;
            }
        });
    for (auto& process : processes) EXPECT_TRUE(process.join().succeeded());
    EXPECT_EQ(*counter, 80000);
}

TEST(Lock, TellsOfAnOwnerThatDied) {
    Lock lock;
    Process process([&] {
        lock.lock();
        ::kill(::getpid(), SIGKILL);
    });
    process.join();
    {
        const std::lock_guard guard(lock);
        EXPECT_TRUE(lock.owner_died());
    }
    {
        const std::lock_guard guard(lock);
        EXPECT_TRUE(lock.owner_died()) << "nobody has repaired anything yet";
        lock.recovered();
    }
    const std::lock_guard guard(lock);
    EXPECT_FALSE(lock.owner_died());
}

TEST(Lock, GivesUpAfterATimeAndRefusesMisuse) {
    Lock lock;
    Event held;
    Event done;
    Process process([&] {
        const std::lock_guard guard(lock);
        held.set();
        done.wait();
    });
    ASSERT_TRUE(held.wait_for(plenty));
    EXPECT_FALSE(lock.try_lock());
    EXPECT_FALSE(lock.try_lock_for(5ms));
    EXPECT_FALSE(lock.try_lock_until(std::chrono::system_clock::now() + 5ms));
    EXPECT_THROW(lock.unlock(), std::system_error);
    done.set();
    std::unique_lock waiting(lock, plenty);
    EXPECT_TRUE(waiting.owns_lock());
    EXPECT_THROW(lock.lock(), std::system_error) << "twice would hang for ever";
}

TEST(RecursiveLock, IsLockedAgainByItsHolder) {
    RecursiveLock lock;
    const std::lock_guard outer(lock);
    {
        const std::lock_guard inner(lock);
    }
    Process process([&] { return lock.try_lock() ? 1 : 0; });
    EXPECT_EQ(process.join().status, 0);
}

TEST(Lock, IsFoundInMemoryThatOthersMade) {
    auto memory = SharedMemory(Lock::bytes);
    const int fd = memory.fd();
    EXPECT_THROW(static_cast<void>(Lock::attach(SharedMemory::from_fd(fd))), std::invalid_argument);
    Lock mine(std::move(memory));
    auto theirs = Lock::attach(SharedMemory::from_fd(mine.memory().fd()));
    const std::lock_guard guard(mine);
    EXPECT_FALSE(theirs.try_lock());
    EXPECT_THROW(static_cast<void>(Event::attach(SharedMemory::from_fd(mine.memory().fd()))), std::invalid_argument);
}

TEST(Semaphore, CountsAcrossProcesses) {
    Semaphore semaphore(2);
    SharedValue<std::atomic<int>> inside(0);
    SharedValue<std::atomic<int>> most(0);
    std::vector<Process> processes;
    for (int i = 0; i < 4; ++i)
        processes.emplace_back([&] {
            for (int n = 0; n < 200; ++n) {
                semaphore.acquire();
                const int now = ++*inside;
                if (now > *most) *most = now;
                ::sched_yield();
                --*inside;
                semaphore.release();
            }
        });
    for (auto& process : processes) EXPECT_TRUE(process.join().succeeded());
    EXPECT_LE(*most, 2);
    EXPECT_EQ(semaphore.value(), 2U);
    EXPECT_TRUE(semaphore.try_acquire());
    EXPECT_TRUE(semaphore.try_acquire());
    EXPECT_FALSE(semaphore.try_acquire());
    EXPECT_FALSE(semaphore.try_acquire_for(2ms));
}

TEST(Semaphore, RefusesToOverflow) {
    Semaphore semaphore(4294967295U);
    EXPECT_THROW(semaphore.release(), std::overflow_error);
}

// Two processes pass tokens back and forth while two others, doing the same, are killed at any moment. What those held
// is lost; the pair must go on.
TEST(Semaphore, SurvivesUsersThatAreKilled) {
    Semaphore there(0);
    Semaphore back(0);
    Event stop;
    const auto play = [&](Semaphore& take, Semaphore& give) {
        while (!stop.is_set())
            if (take.try_acquire_for(1ms)) give.release();
    };
    std::mt19937 random(1);
    for (int i = 0; i < 100; ++i) {
        Process left([&] { play(there, back); });
        Process right([&] { play(back, there); });
        there.release();
        kill_at_random(i % 2 == 0 ? left : right, random, 2ms);
    }
    const unsigned lost = 100 - there.value() - back.value();
    EXPECT_LE(lost, 100U);
    there.release();
    EXPECT_TRUE(there.try_acquire_for(plenty));
}

TEST(Event, WakesAllThatWait) {
    Event event;
    std::vector<Process> processes;
    for (int i = 0; i < 3; ++i) processes.emplace_back([&] { return event.wait_for(plenty) ? 7 : 1; });
    EXPECT_FALSE(event.wait_for(2ms));
    event.set();
    for (auto& process : processes) EXPECT_EQ(process.join().status, 7);
    EXPECT_TRUE(event.is_set());
    event.wait();
    event.clear();
    EXPECT_FALSE(event.is_set());
}

TEST(Event, SetAndClearedAtOnceStillWakesWhoSlept) {
    Event event;
    Event ready;
    Process process([&] {
        ready.set();
        return event.wait_for(plenty) ? 7 : 1;
    });
    ready.wait();
    while (!process.join(1ms)) {  // it may not sleep yet
        event.set();
        event.clear();
    }
    EXPECT_EQ(process.death()->status, 7);
}

TEST(Condition, PassesTurnsBetweenProcesses) {
    Lock lock;
    Condition changed;
    SharedValue<int> turn(0);
    const auto play = [&](int mine) {
        for (int n = 0; n < 500; ++n) {
            std::unique_lock guard(lock);
            if (!changed.wait_for(guard, plenty, [&] { return *turn % 2 == mine; })) return 1;
            ++*turn;
            changed.notify_one();
        }
        return 0;
    };
    Process even([&] { return play(0); });
    Process odd([&] { return play(1); });
    EXPECT_EQ(even.join().status, 0);
    EXPECT_EQ(odd.join().status, 0);
    EXPECT_EQ(*turn, 1000);
    std::unique_lock guard(lock);
    EXPECT_FALSE(changed.wait_for(guard, 2ms));
    EXPECT_FALSE(changed.wait_for(guard, 2ms, [] { return false; }));
    EXPECT_TRUE(guard.owns_lock());
}

TEST(Condition, LosesNoNotificationWithAWaiterThatIsKilled) {
    Lock lock;
    Condition changed;
    SharedValue<bool> open(false);
    Process survivor([&] {
        std::unique_lock guard(lock);
        return changed.wait_for(guard, plenty, [&] { return *open; }) ? 7 : 1;
    });
    std::mt19937 random(2);
    for (int i = 0; i < 50; ++i) {
        Process victim([&] {
            std::unique_lock guard(lock);
            changed.wait(guard, [] { return false; });
        });
        kill_at_random(victim, random, 1ms);
    }
    {
        const std::lock_guard guard(lock);
        *open = true;
        changed.notify_one();
    }
    EXPECT_EQ(survivor.join().status, 7);
}

TEST(Barrier, HoldsAllUntilTheLastComes) {
    Barrier barrier(3);
    SharedArray<unsigned> seen(3);
    std::vector<Process> processes;
    for (int i = 0; i < 3; ++i)
        processes.emplace_back([&] {
            for (int round = 0; round < 200; ++round) ++seen[barrier.wait_for(plenty)];
        });
    for (auto& process : processes) EXPECT_EQ(to_string(process.join()), "exit 0");
    EXPECT_EQ(seen[0] + seen[1] + seen[2], 600U);
    EXPECT_EQ(barrier.waiting(), 0U);
    EXPECT_EQ(barrier.parties(), 3U);
    EXPECT_THROW(Barrier(0), std::invalid_argument);
}

TEST(Barrier, BreaksForAllWhenOneGivesUp) {
    Barrier barrier(3);
    Process waiting([&] { barrier.wait(); });
    while (barrier.waiting() == 0) ::sched_yield();
    EXPECT_THROW(barrier.wait_for(2ms), BrokenBarrier);
    EXPECT_EQ(waiting.join().error, "pinion::v0::BrokenBarrier: barrier is broken");
    EXPECT_TRUE(barrier.broken());
    EXPECT_THROW(barrier.wait(), BrokenBarrier);
    barrier.reset();
    EXPECT_FALSE(barrier.broken());
    Process again([&] { barrier.wait(); });
    while (barrier.waiting() == 0) ::sched_yield();
    barrier.reset();
    EXPECT_EQ(again.join().error, "pinion::v0::BrokenBarrier: barrier is broken");
    EXPECT_FALSE(barrier.broken());
    barrier.abort();
    EXPECT_TRUE(barrier.broken());
}

TEST(Timeout, KeepsWhatIsTooLong) {
    EXPECT_TRUE(Timeout(std::chrono::hours::max()).is_forever());
    EXPECT_TRUE(Timeout::forever.is_forever());
    EXPECT_EQ(Timeout(2ms).span(), 2ms);
}

}  // namespace
}  // namespace pinion
