// SPDX-License-Identifier: Apache-2.0
// What is kept of jobs' output, at each of its bounds and one past it.
#include "daemon/jobs/job_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

namespace pinion::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// "1:a" for the line "a" of attempt 1.
std::vector<std::string> lines(const JobLogs& logs, std::uint64_t job) {
    std::vector<std::string> texts;
    for (const auto& line : logs.lines(JobId{job})) texts.push_back(std::to_string(line.attempt) + ":" + line.text);
    return texts;
}

void write(JobLogs& logs, std::uint64_t job, std::uint32_t attempt, std::string text) {
    logs.add(JobId{job}, {attempt, WallTime{}, std::move(text)});
}

void write_many(JobLogs& logs, std::uint64_t job, std::uint32_t attempt, int count) {
    for (int i = 0; i < count; ++i) write(logs, job, attempt, std::to_string(i));
}

TEST(JobLogs, AnAttemptKeepsItsLastLines) {
    JobLogs logs({.lines = 3});
    write_many(logs, 1, 1, 3);
    EXPECT_THAT(lines(logs, 1), ElementsAre("1:0", "1:1", "1:2"));
    write(logs, 1, 1, "3");
    EXPECT_THAT(lines(logs, 1), ElementsAre("1:1", "1:2", "1:3"));
    EXPECT_THAT(lines(logs, 2), IsEmpty());
}

TEST(JobLogs, AChattyAttemptPushesOutNothingOfThoseBeforeIt) {
    JobLogs logs;
    write(logs, 1, 1, "no such file");
    write_many(logs, 1, 2, 5'000);
    write(logs, 1, 3, "done");
    const auto kept = lines(logs, 1);
    ASSERT_THAT(kept, SizeIs(52));
    EXPECT_EQ(kept.front(), "1:no such file");
    EXPECT_EQ(kept[1], "2:4950");
    EXPECT_EQ(kept.back(), "3:done");
}

TEST(JobLogs, AJobKeepsItsLastAttempts) {
    JobLogs logs({.attempts = 2});
    write(logs, 1, 1, "a");
    write(logs, 1, 2, "b");
    EXPECT_THAT(lines(logs, 1), ElementsAre("1:a", "2:b"));
    write(logs, 1, 3, "c");
    EXPECT_THAT(lines(logs, 1), ElementsAre("2:b", "3:c"));
}

TEST(JobLogs, JobsThatHaveBeenSilentForLongestAreForgotten) {
    JobLogs logs({.jobs = 2});
    write(logs, 1, 1, "a");
    write(logs, 2, 1, "b");
    write(logs, 1, 1, "still here");
    write(logs, 3, 1, "c");
    EXPECT_THAT(lines(logs, 1), ElementsAre("1:a", "1:still here"));
    EXPECT_THAT(lines(logs, 2), IsEmpty());
    EXPECT_THAT(lines(logs, 3), ElementsAre("1:c"));
}

TEST(JobLogs, AllOfThemTogetherAreBoundInBytes) {
    JobLogs one;
    write(one, 1, 1, std::string(400, 'x'));
    const std::size_t line = one.bytes();
    EXPECT_GE(line, 400U);

    JobLogs logs({.bytes = 3 * line});
    for (std::uint64_t job = 1; job <= 3; ++job) write(logs, job, 1, std::string(400, 'x'));
    EXPECT_EQ(logs.bytes(), 3 * line);
    EXPECT_THAT(lines(logs, 1), SizeIs(1));
    write(logs, 4, 1, "x");
    EXPECT_THAT(lines(logs, 1), IsEmpty());
    EXPECT_THAT(lines(logs, 2), SizeIs(1));
    EXPECT_LE(logs.bytes(), 3 * line);
}

// Of many attempts with a short line each, too.
TEST(JobLogs, WhatIsCountedIsALargePartOfWhatIsUsed) {
    const std::size_t before = ::mallinfo2().uordblks;
    JobLogs logs;
    for (std::uint64_t job = 1; job <= 1024; ++job)
        for (std::uint32_t attempt = 1; attempt <= 10; ++attempt) write(logs, job, attempt, "x");
    EXPECT_LE(::mallinfo2().uordblks - before, 4 * logs.bytes());
}

TEST(JobLogs, WhatIsDroppedIsNoLongerCounted) {
    JobLogs one;
    write(one, 1, 1, "x");
    JobLogs logs({.lines = 2, .attempts = 2, .jobs = 2});
    for (std::uint64_t job = 1; job <= 5; ++job)
        for (std::uint32_t attempt = 1; attempt <= 5; ++attempt)
            for (int i = 0; i < 5; ++i) write(logs, job, attempt, "x");
    EXPECT_EQ(logs.bytes(), 8 * one.bytes());
}

TEST(JobLogs, HoldMegabytesOfTheWorstJobs) {
    JobLogs logs;
    for (std::uint64_t job = 1; job <= 1024; ++job)
        for (std::uint32_t attempt = 1; attempt <= 3; ++attempt)
            for (int i = 0; i < 50; ++i) write(logs, job, attempt, std::string(400, 'x'));
    EXPECT_LE(logs.bytes(), std::size_t{8} << 20);
    EXPECT_THAT(lines(logs, 1024), SizeIs(150));
}

}  // namespace
}  // namespace pinion::daemon
