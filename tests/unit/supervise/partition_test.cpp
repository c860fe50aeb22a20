// SPDX-License-Identifier: Apache-2.0
#include "supervise/partition.h"

#include <gtest/gtest.h>

namespace pinion::supervise {
namespace {

struct A {};
struct B {};
struct C {};
struct Other {};
using Three = std::variant<A, B, C>;
using Answer = int (*)(int);

static_assert(is_partition<Three, Part<Answer, A, B, C>>);
static_assert(is_partition<Three, Part<Answer, C>, Part<Answer, A, B>>);
static_assert(!is_partition<Three, Part<Answer, A, B>>, "one left out");
static_assert(!is_partition<Three, Part<Answer, A, B>, Part<Answer, B, C>>, "one named twice");
static_assert(!is_partition<Three, Part<Answer, A, A, B, C>>, "one named twice in a part");
static_assert(!is_partition<Three, Part<Answer, A, B, C>, Part<Answer, Other>>, "one that is not there");

TEST(Partition, CallsTheAnswerThatNamesTheAlternativeHeld) {
    const auto ask = [](const Three& three) {
        return partition(three, on<A, C>([](const auto&) { return 1; }), on<B>([](const B&) { return 2; }));
    };
    EXPECT_EQ(ask(A{}), 1);
    EXPECT_EQ(ask(B{}), 2);
    EXPECT_EQ(ask(C{}), 1);
}

}  // namespace
}  // namespace pinion::supervise
