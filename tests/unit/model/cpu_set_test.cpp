// SPDX-License-Identifier: Apache-2.0
#include "model/cpu_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "model/limits.h"

namespace pinion {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string why(std::string_view list) {
    const auto parsed = CpuSet::parse(list);
    return parsed ? "parsed" : parsed.error().message;
}

TEST(CpuSet, ReadsTheKernelsListFormat) {
    EXPECT_EQ(CpuSet::parse("0-3,8"), (CpuSet{0, 1, 2, 3, 8}));
    EXPECT_EQ(CpuSet::parse("8,0-3,2"), (CpuSet{0, 1, 2, 3, 8}));
    EXPECT_EQ(CpuSet::parse("5-5"), (CpuSet{5}));
    EXPECT_EQ(CpuSet::parse(""), CpuSet{});
    EXPECT_EQ(CpuSet::parse("0-1\n"), (CpuSet{0, 1}));
    EXPECT_EQ(CpuSet::parse("\n"), CpuSet{});
}

TEST(CpuSet, RefusesWhatIsNoList) {
    EXPECT_EQ(why("0,x"), "read CPU list '0,x': 'x' is not a CPU number");
    EXPECT_EQ(why("0,,1"), "read CPU list '0,,1': '' is not a CPU number");
    EXPECT_EQ(why("0,"), "read CPU list '0,': '' is not a CPU number");
    EXPECT_EQ(why("-1"), "read CPU list '-1': '' is not a CPU number");
    EXPECT_EQ(why("1-"), "read CPU list '1-': '' is not a CPU number");
    EXPECT_EQ(why("1-2-3"), "read CPU list '1-2-3': '2-3' is not a CPU number");
    EXPECT_EQ(why("0, 1"), "read CPU list '0, 1': ' 1' is not a CPU number");
    EXPECT_EQ(why("0x1"), "read CPU list '0x1': '0x1' is not a CPU number");
    EXPECT_EQ(why("3-0"), "read CPU list '3-0': the range '3-0' runs backwards");
}

TEST(CpuSet, HoldsTheHighestCpuAndRefusesOnePastIt) {
    EXPECT_EQ(CpuSet::parse("4095").value().members(), std::vector<std::uint32_t>{limits::max_cpus - 1});
    EXPECT_EQ(CpuSet::parse("0-4095").value().count(), limits::max_cpus);
    EXPECT_EQ(why("4096"), "read CPU list '4096': CPU 4096 is past the highest, 4095");
    EXPECT_EQ(why("0-4294967296"), "read CPU list '0-4294967296': CPU 4294967296 is past the highest, 4095");
    CpuSet set;
    EXPECT_DEATH(set.add(limits::max_cpus), "assertion failed");
}

TEST(CpuSet, PrintsTheShortestList) {
    EXPECT_EQ(CpuSet{}.to_list(), "");
    EXPECT_EQ((CpuSet{3}).to_list(), "3");
    EXPECT_EQ((CpuSet{0, 1}).to_list(), "0-1");
    EXPECT_EQ((CpuSet{0, 1, 2, 3, 8}).to_list(), "0-3,8");
    EXPECT_EQ((CpuSet{62, 63, 64, 65, 127, 128}).to_list(), "62-65,127-128");
}

TEST(CpuSet, AddsAndRemoves) {
    CpuSet set{1, 130};
    set.remove(130);
    EXPECT_EQ(set, (CpuSet{1}));
    EXPECT_EQ(set.words().size(), 1U);
    set.remove(7);
    set.remove(99'999);
    EXPECT_FALSE(set.contains(99'999));
    EXPECT_EQ(set.first(), 1U);
    set.remove(1);
    EXPECT_TRUE(set.empty());
    EXPECT_DEATH(static_cast<void>(set.first()), "assertion failed");
    set.add(200);
    EXPECT_EQ(set.first(), 200U);
}

TEST(CpuSet, LaysWordsOutAsTheKernelTakesThem) {
    EXPECT_THAT((CpuSet{0, 65}).words(), ElementsAre(1U, 2U));
    EXPECT_THAT(CpuSet{}.words(), IsEmpty());
}

TEST(CpuSet, OrdersAsListsOfMembersDo) {
    const std::vector<CpuSet> sorted{{}, {0}, {0, 1}, {0, 1, 200}, {0, 4}, {0, 200}, {1}, {1, 5}, {64}, {64, 65}, {65}};
    for (std::size_t i = 0; i < sorted.size(); ++i)
        for (std::size_t j = 0; j < sorted.size(); ++j) EXPECT_EQ(sorted[i] <=> sorted[j], i <=> j) << i << " " << j;
}

TEST(CpuSet, AgreesWithASetOfNumbers) {
    using Numbers = std::set<std::uint32_t>;
    std::mt19937 random(3);
    const auto draw = [&] {
        Numbers numbers;
        const auto size = random() % 6;
        for (std::uint32_t i = 0; i < size; ++i) numbers.insert(static_cast<std::uint32_t>(random() % 140));
        return numbers;
    };
    const auto convert = [](const Numbers& numbers) {
        CpuSet set;
        for (const auto cpu : numbers) set.add(cpu);
        return set;
    };
    for (int i = 0; i < 5'000; ++i) {
        const Numbers a = draw();
        const Numbers b = draw();
        const CpuSet x = convert(a);
        const CpuSet y = convert(b);
        Numbers both;
        Numbers either = a;
        Numbers less;
        std::ranges::set_intersection(a, b, std::inserter(both, both.end()));
        either.insert(b.begin(), b.end());
        std::ranges::set_difference(a, b, std::inserter(less, less.end()));
        ASSERT_EQ(x & y, convert(both));
        ASSERT_EQ(x | y, convert(either));
        ASSERT_EQ(x - y, convert(less));
        ASSERT_EQ(x.intersects(y), !both.empty());
        ASSERT_EQ(x.is_subset_of(y), less.empty());
        ASSERT_EQ(x <=> y, a <=> b);
        ASSERT_EQ(x == y, a == b);
        ASSERT_EQ(x.count(), a.size());
        ASSERT_EQ(CpuSet::parse(x.to_list()), x);
    }
}

}  // namespace
}  // namespace pinion
