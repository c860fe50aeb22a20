// SPDX-License-Identifier: Apache-2.0
// Queues between processes, and what is left of them when users are killed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <numeric>

#include "children.h"

namespace pinion {
namespace {

using namespace std::chrono_literals;
using testing::kill_at_random;
using testing::plenty;

TEST(Queue, KeepsOrderBetweenTwoProcesses) {
    Queue<int> queue(10);
    Process producer([&] {
        for (int i = 0; i < 10000; ++i) queue.put(i);
        queue.close();
    });
    int expected = 0;
    while (const auto value = queue.get()) ASSERT_EQ(*value, expected++);
    EXPECT_EQ(expected, 10000);
    EXPECT_TRUE(producer.join().succeeded());
}

TEST(Queue, GivesEachElementToOneOfManyConsumers) {
    Queue<int> queue(7);
    SharedArray<int> sums(3);
    std::vector<Process> producers, consumers;
    for (int p = 0; p < 3; ++p)
        producers.emplace_back([&] {
            for (int i = 1; i <= 2000; ++i) queue.put(i);
        });
    for (std::size_t c = 0; c < 3; ++c)
        consumers.emplace_back([&, c] {
            while (const auto value = queue.get()) sums[c] += *value;
        });
    for (auto& process : producers) process.join();
    queue.close();
    for (auto& process : consumers) process.join();
    EXPECT_EQ(sums[0] + sums[1] + sums[2], 3 * 2000 * 2001 / 2);
}

TEST(Queue, HasABoundAndTimeouts) {
    Queue<int> queue(2);
    EXPECT_TRUE(queue.try_put(1));
    EXPECT_TRUE(queue.try_put(2));
    EXPECT_FALSE(queue.try_put(3));
    EXPECT_EQ(queue.put_for(3, 2ms), PutResult::timed_out);
    EXPECT_EQ(queue.size(), 2U);
    EXPECT_EQ(queue.capacity(), 2U);
    EXPECT_EQ(queue.try_get(), 1);
    EXPECT_EQ(queue.get_for(1s), 2);
    EXPECT_EQ(queue.try_get(), std::nullopt);
    EXPECT_EQ(queue.get_for(2ms), std::nullopt);
    EXPECT_TRUE(queue.empty());
    EXPECT_THROW(Queue<int>(0), std::invalid_argument);
}

TEST(Queue, ThatIsClosedGivesWhatIsInItAndTakesNothing) {
    Queue<std::string> queue(4);
    queue.put("last");
    Process waiting([&] {
        while (queue.get()) {
        }
        return 7;
    });
    queue.put("words");
    queue.close();
    EXPECT_TRUE(queue.closed());
    EXPECT_FALSE(queue.put("late"));
    EXPECT_EQ(queue.put_for("late", 1s), PutResult::closed);
    EXPECT_EQ(waiting.join().status, 7);
    EXPECT_EQ(queue.get(), std::nullopt);
}

TEST(Queue, WakesAProducerThatWaitsForRoom) {
    Queue<int> queue(1);
    queue.put(1);
    Process producer([&] { return queue.put_for(2, plenty) == PutResult::done ? 7 : 1; });
    EXPECT_FALSE(producer.join(2ms));
    EXPECT_EQ(queue.get(), 1);
    EXPECT_EQ(queue.get_for(plenty), 2);
    EXPECT_EQ(producer.join().status, 7);
}

TEST(Queue, CarriesElementsOfAnyLengthAroundItsEnd) {
    Queue<std::string> queue(100, 4096);
    std::mt19937 random(3);
    std::vector<std::string> texts;
    for (int i = 0; i < 3000; ++i) texts.emplace_back(random() % 2000, static_cast<char>('a' + i % 26));
    Process producer([&] {
        for (const auto& text : texts) queue.put(text);
        queue.close();
    });
    std::size_t next = 0;
    while (const auto text = queue.get()) ASSERT_EQ(*text, texts.at(next++));
    EXPECT_EQ(next, texts.size());
    EXPECT_THROW(queue.put(std::string(3000, 'x')), std::length_error);
}

TEST(Queue, IsFoundInNamedMemory) {
    const std::string name = "pinion-queue-" + std::to_string(::getpid());
    Queue<double> mine(SharedMemory::create(name, 4096), 10);
    auto theirs = Queue<double>::attach(SharedMemory::open(name));
    SharedMemory::unlink(name);
    mine.put(2.5);
    EXPECT_EQ(theirs.get(), 2.5);
}

// Of every producer, what is in the queue is what it put, whole, in order, without a gap; those who live hang nowhere.
TEST(Queue, SurvivesProducersThatAreKilledAtAnyMoment) {
    Queue<std::vector<int>> queue(8, 8192);
    std::mt19937 random(4);
    std::vector<int> next;
    const auto check = [&](const std::vector<int>& element) {
        const auto producer = static_cast<std::size_t>(element.at(0));
        ASSERT_EQ(element.at(1), next.at(producer)++);
        ASSERT_EQ(element.size(), 2U + static_cast<std::size_t>(element.at(1)) % 100);
    };
    for (int i = 0; i < 300; ++i) {
        next.push_back(0);
        Process producer([&, i] {
            for (int n = 0;; ++n) {
                std::vector<int> element(2 + static_cast<std::size_t>(n) % 100, n);
                element[0] = i;
                element[1] = n;
                queue.put(element);
            }
        });
        std::uniform_int_distribution<int> spans(0, 1500);
        const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(spans(random));
        while (std::chrono::steady_clock::now() < end) {
            const auto element = queue.try_get();
            if (element) {
                ASSERT_NO_FATAL_FAILURE(check(*element));
            }
        }
        producer.kill();
        producer.join();
    }
    while (const auto element = queue.try_get()) ASSERT_NO_FATAL_FAILURE(check(*element));
    EXPECT_GT(std::accumulate(next.begin(), next.end(), 0), 300);
    queue.put({0, next[0], 1});
    EXPECT_TRUE(queue.get_for(plenty).has_value());
}

// What a killed consumer had taken may be lost with it, one element each time; nothing else, and nothing twice.
TEST(Queue, SurvivesConsumersThatAreKilledAtAnyMoment) {
    constexpr int kills = 300;
    Queue<int> queue(16);
    SharedArray<std::atomic<std::uint8_t>> taken(1 << 20);
    SharedValue<std::atomic<bool>> stop(false);
    SharedValue<int> put(0);
    Process producer([&] {
        while (!*stop && *put < (1 << 20) && queue.put(*put)) ++*put;
    });
    const auto consume = [&] {
        while (const auto value = queue.get()) ++taken[static_cast<std::size_t>(*value)];
    };
    std::mt19937 random(5);
    for (int i = 0; i < kills; ++i) {
        Process victim(consume);
        kill_at_random(victim, random, 1500us);
    }
    *stop = true;
    Process survivor(consume);
    ASSERT_TRUE(producer.join(plenty));
    queue.close();
    ASSERT_TRUE(survivor.join(plenty));
    EXPECT_TRUE(survivor.death()->succeeded());
    int lost = 0;
    for (int i = 0; i < *put; ++i) {
        const int times = taken[static_cast<std::size_t>(i)];
        ASSERT_LE(times, 1) << i;
        lost += 1 - times;
    }
    EXPECT_LE(lost, kills);
    EXPECT_GT(*put, kills);
}

// The last act of a producer may be its death: who sleeps must wake for what it left.
TEST(Queue, DeliversTheLastElementOfAProducerThatIsKilled) {
    for (int i = 0; i < 100; ++i) {
        Queue<int> queue(4);
        SharedValue<std::atomic<bool>> was_put(false);
        Process consumer([&] { return queue.get() == 7 ? 7 : 1; });
        Process producer([&] {
            queue.put(7);
            *was_put = true;
            ::pause();
        });
        std::mt19937 random(static_cast<unsigned>(i));
        kill_at_random(producer, random, 1ms);
        if (*was_put || queue.size() > 0) {
            ASSERT_TRUE(consumer.join(plenty)) << i;
        }
        queue.close();
        ASSERT_TRUE(consumer.join(plenty)) << i;
    }
}

}  // namespace
}  // namespace pinion
