// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/item_index.h"

#include <gtest/gtest.h>

namespace pinion::daemon {
namespace {

TEST(ItemIndex, FindsItemsInAnyRange) {
    ItemIndex items;
    // Two adds, between whose ids another map's lie; then one whose jobs were there before, in another order.
    for (std::uint64_t i = 0; i < 5; ++i) items.add(JobId{100 + i}, i);
    for (std::uint64_t i = 5; i < 9; ++i) items.add(JobId{200 + i}, i);
    items.add(JobId{7}, 9);
    items.add(JobId{6}, 10);
    for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(items.find(JobId{100 + i}), i);
    for (std::uint64_t i = 5; i < 9; ++i) EXPECT_EQ(items.find(JobId{200 + i}), i);
    EXPECT_EQ(items.find(JobId{7}), 9U);
    EXPECT_EQ(items.find(JobId{6}), 10U);
    for (const std::uint64_t other : {0, 5, 8, 99, 105, 204, 209, 1000})
        EXPECT_EQ(items.find(JobId{other}), std::nullopt) << other;
}

TEST(ItemIndex, FindsNothingInAnEmptyOne) {
    ItemIndex items;
    items.forget_before(10);
    EXPECT_EQ(items.find(JobId{1}), std::nullopt);
}

TEST(ItemIndex, DoesNotJoinIdsWhoseIndexesHaveAGap) {
    ItemIndex items;
    items.add(JobId{1}, 0);
    items.add(JobId{2}, 5);
    EXPECT_EQ(items.find(JobId{2}), 5U);
}

TEST(ItemIndex, ForgetsWholeRangesOnly) {
    ItemIndex items;
    for (std::uint64_t i = 0; i < 4; ++i) items.add(JobId{100 + i}, i);
    for (std::uint64_t i = 4; i < 8; ++i) items.add(JobId{200 + i}, i);
    items.forget_before(3);
    EXPECT_EQ(items.find(JobId{103}), 3U);
    items.forget_before(4);
    EXPECT_EQ(items.find(JobId{103}), std::nullopt);
    EXPECT_EQ(items.find(JobId{204}), 4U);
    items.forget_before(8);
    EXPECT_EQ(items.find(JobId{204}), std::nullopt);
    items.add(JobId{300}, 8);
    EXPECT_EQ(items.find(JobId{300}), 8U);
}

}  // namespace
}  // namespace pinion::daemon
