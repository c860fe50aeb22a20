// SPDX-License-Identifier: Apache-2.0
#include "daemon/audit.h"

#include <gtest/gtest.h>

namespace pinion::daemon {
namespace {

using namespace std::chrono_literals;

TEST(AuditPeriod, IsTheWishWhereTheKernelDoesNotKeepThePins) {
    for (const bool tells : {false, true})
        for (const bool soft : {false, true})
            EXPECT_EQ(audit_period({.wish = 5s, .kernel_tells_pressure = tells, .soft_workers = soft}), 5s);
    EXPECT_EQ(audit_period({.wish = 0s, .soft_workers = true}), 0s);
}

TEST(AuditPeriod, IsNoneWhereTheKernelKeepsThePinsAndTellsOfPressure) {
    for (const bool soft : {false, true})
        EXPECT_EQ(
            audit_period({.wish = 5s, .kernel_keeps_pins = true, .kernel_tells_pressure = true, .soft_workers = soft}),
            0s);
}

TEST(AuditPeriod, IsTheWishForWhoIsPinnedSoftlyWhereNobodyTellsOfPressure) {
    EXPECT_EQ(audit_period({.wish = 5s, .kernel_keeps_pins = true, .soft_workers = true}), 5s);
    EXPECT_EQ(audit_period({.wish = 5s, .kernel_keeps_pins = true}), 0s) << "exclusive workers can't be starved";
    EXPECT_EQ(audit_period({.wish = 0s, .kernel_keeps_pins = true, .soft_workers = true}), 0s) << "and never with 0";
}

}  // namespace
}  // namespace pinion::daemon
