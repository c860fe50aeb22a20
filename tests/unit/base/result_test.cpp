// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "base/check.h"
#include "base/ids.h"
#include "base/time.h"

namespace pinion {
namespace {

using namespace std::chrono_literals;

Result<int> halve(int number) {
    if (number % 2 != 0) return fail("halve " + std::to_string(number) + ": it is odd");
    return number / 2;
}
Result<int> quarter(int number) {
    PINION_TRY(half, halve(number));
    PINION_TRY(result, halve(half));
    return result;
}
Result<void> check_quarter(int number) {
    PINION_CHECK(quarter(number));
    return {};
}

TEST(Errno, TextIsLowerCase) {
    EXPECT_EQ(errno_text(ENOENT), "no such file or directory");
    EXPECT_EQ(errno_text(-EACCES), "permission denied");
    EXPECT_EQ(errno_text(EDOTDOT), "RFS specific error");
    EXPECT_EQ(errno_text(EIO), "input/output error");
    EXPECT_EQ(errno_text(99'999), "error 99999");
}

TEST(Errno, NameIsItsSymbol) {
    EXPECT_EQ(errno_name(ENOENT), "ENOENT");
    EXPECT_EQ(errno_name(-EPERM), "EPERM");
    EXPECT_EQ(errno_name(99'999), "99999");
}

TEST(Result, CarriesCodeAndSentence) {
    EXPECT_EQ(fail("it is odd").error(), (Error{0, "it is odd"}));
    EXPECT_EQ(fail_errno(-ENOENT, "open 'x'").error(), (Error{ENOENT, "open 'x': no such file or directory"}));
    errno = EPERM;
    EXPECT_EQ(fail_last("kill 1").error(), (Error{EPERM, "kill 1: operation not permitted"}));
}

TEST(Result, ContextStandsInFrontAndKeepsTheCode) {
    const auto wrapped = in_context("load pool 'web'", Error{ENOENT, "open 'x': no such file or directory"});
    EXPECT_EQ(wrapped.error(), (Error{ENOENT, "load pool 'web': open 'x': no such file or directory"}));
}

TEST(Result, TryReturnsTheFirstErrorUnchanged) {
    EXPECT_EQ(quarter(8), 2);
    EXPECT_EQ(quarter(6).error().message, "halve 3: it is odd");
    EXPECT_TRUE(check_quarter(4));
    EXPECT_EQ(check_quarter(5).error().message, "halve 5: it is odd");
}

TEST(Time, AddingStopsAtNoDeadline) {
    const MonotonicTime time{100us};
    EXPECT_EQ(add_saturating(time, 5us), MonotonicTime{105us});
    EXPECT_EQ(add_saturating(no_deadline, -5us), no_deadline);
    EXPECT_EQ(add_saturating(time, Duration::max()), no_deadline);
    EXPECT_EQ(add_saturating(time, Duration::max() - 100us), no_deadline);
    EXPECT_EQ(add_saturating(time, Duration::max() - 101us), no_deadline - 1us);
}

TEST(Time, MonotonicTimeNeverRunsBackwards) {
    const auto first = MonotonicClock::now();
    EXPECT_GT(first.time_since_epoch(), 0us);
    EXPECT_GE(MonotonicClock::now(), first);
    EXPECT_GT(wall_now().time_since_epoch(), 24h * 365 * 50);
}

TEST(Ids, OfASlotAndAWorkerCompareByAllMembers) {
    EXPECT_EQ(slot_name("web", Slot{3}), "web/3");
    EXPECT_EQ(Generation{1}.next(), Generation{2});
    EXPECT_LT((WorkerId{"web", Slot{0}, Generation{9}}), (WorkerId{"web", Slot{1}, Generation{1}}));
    EXPECT_NE((WorkerId{"web", Slot{0}, Generation{1}}), (WorkerId{"web", Slot{0}, Generation{2}}));
}

TEST(AssertDeathTest, NamesTheConditionAndTheLine) {
    EXPECT_DEATH(ASSERT(1 == 2), "result_test.cpp:[0-9]+: assertion failed: 1 == 2");
    ASSERT(1 == 1);
}

}  // namespace
}  // namespace pinion
