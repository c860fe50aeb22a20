// SPDX-License-Identifier: Apache-2.0
#include "ctl/map_progress.h"

#include <gtest/gtest.h>

#include "ctl/display.h"

namespace pinion::ctl {
namespace {

using namespace std::chrono_literals;

MapFigures film() {
    return {.name = "film-12", .finished = 1204, .failed = 3, .total = 5000, .elapsed = 40s, .rate = 31.2};
}
TerminalTraits terminal(std::size_t width, bool utf8 = true) { return {.tty = true, .width = width, .utf8 = utf8}; }

TEST(MapProgress, DrawsABar) {
    EXPECT_EQ(progress_bar(film(), terminal(100)),
              "film-12  ▕█████                ▏  1,204/5,000  24%  31.2/s  3 failed  ETA 2m02s");
    EXPECT_EQ(progress_bar(film(), terminal(100, false)),
              "film-12  [#####................]  1,204/5,000  24%  31.2/s  3 failed  ETA 2m02s");
}

TEST(MapProgress, FitsEveryWidth) {
    for (std::size_t width = 20; width < 120; ++width)
        for (const bool utf8 : {false, true}) {
            MapFigures figures = film();
            EXPECT_LT(display_width(progress_bar(figures, terminal(width, utf8))), width);
            figures.name = "ein-sehr-langer-name-für-eine-karte";
            EXPECT_LT(display_width(progress_bar(figures, terminal(width, utf8))), width);
        }
}

TEST(MapProgress, WithoutATotalThereIsNoBar) {
    MapFigures figures = film();
    figures.total.reset();
    EXPECT_EQ(progress_bar(figures, terminal(80)), "film-12  1,204 done  31.2/s  3 failed");
    EXPECT_EQ(progress_line(figures), "film-12: 1,204 done  31.2/s  3 failed");
}

TEST(MapProgress, AnEmptyMapIsComplete) {
    EXPECT_EQ(progress_bar({.name = "a", .total = 0}, terminal(40)), "a  ▕█████████████████████▏  0/0  100%");
}

TEST(MapProgress, TheRateIsThatOfTheLastTenSeconds) {
    RateMeter meter;
    const MonotonicTime start{1h};
    meter.note(start, 0);
    meter.note(start + 1s, 100);
    EXPECT_EQ(meter.rate(), std::nullopt) << "too early";
    meter.note(start + 2s, 200);
    EXPECT_EQ(meter.rate(), 100.0);
    for (int second = 3; second <= 30; ++second)
        meter.note(start + std::chrono::seconds(second), 200 + static_cast<std::uint64_t>(second - 2) * 10);
    EXPECT_EQ(meter.rate(), 10.0);
}

TEST(MapProgress, NoRateBeforeThreeResults) {
    RateMeter meter;
    meter.note(MonotonicTime{1h}, 0);
    meter.note(MonotonicTime{1h} + 5s, 2);
    EXPECT_EQ(meter.rate(), std::nullopt);
    meter.note(MonotonicTime{1h} + 6s, 3);
    EXPECT_EQ(meter.rate(), 0.5);
}

TEST(MapProgress, WhatIsLeftNeedsARateAndATotal) {
    MapFigures figures = film();
    EXPECT_EQ(time_left(figures), 122s);
    figures.rate = 0;
    EXPECT_EQ(time_left(figures), std::nullopt);
    figures.rate.reset();
    EXPECT_EQ(time_left(figures), std::nullopt);
    figures = film();
    figures.finished = 5000;
    EXPECT_EQ(time_left(figures), std::nullopt);
}

TEST(MapProgress, TheSummaryHasEverythingInOneLine) {
    EXPECT_EQ(map_summary({.name = "film-12", .finished = 5000, .failed = 3, .elapsed = 161s}),
              "film-12: 5,000 done in 2m41s, 31.1/s; 4,997 ok, 3 failed.");
    EXPECT_EQ(map_summary({.name = "film-12", .finished = 5000, .failed = 3, .elapsed = 161s, .cpu = 1095s}),
              "film-12: 5,000 done in 2m41s, 31.1/s, 6.8 cores; 4,997 ok, 3 failed.");
    EXPECT_EQ(map_summary({.name = "a", .finished = 3, .elapsed = 999ms, .cpu = 10ms}),
              "a: 3 done in 999ms, 3.0/s; 3 ok, 0 failed.")
        << "ticks of CPU time say little of so short a map";
}

TEST(MapProgress, JsonHasRawUnits) {
    EXPECT_EQ(progress_json(film()),
              R"({"map":"film-12","finished":1204,"failed":3,"total":5000,"elapsed_usec":40000000,"rate":31.2,)"
              R"("left_usec":122000000})");
    EXPECT_EQ(progress_json({.name = "a", .finished = 1, .total = 1, .elapsed = 2s, .cpu = 3s}),
              R"({"map":"a","finished":1,"failed":0,"total":1,"elapsed_usec":2000000,"cpu_usec":3000000})");
}

TEST(MapProgress, ThousandsAreGrouped) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1000), "1,000");
    EXPECT_EQ(grouped(1'234'567), "1,234,567");
}

}  // namespace
}  // namespace pinion::ctl
