// SPDX-License-Identifier: Apache-2.0
// When a map's progress is written: a made-up clock, and how much came with each call.
#include "ctl/map_display.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

namespace pinion::ctl {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class MapDisplayTest : public testing::Test {
protected:
    ~MapDisplayTest() override { std::fclose(context_.err); }
    MapDisplay open(ProgressMode mode) { return {context_, mode, "film", now_}; }
    // What was written since it was asked last.
    std::string written() {
        std::string text;
        std::fseek(context_.err, static_cast<long>(read_), SEEK_SET);
        for (int c = std::fgetc(context_.err); c != EOF; c = std::fgetc(context_.err)) text += static_cast<char>(c);
        read_ += text.size();
        return text;
    }
    // How often something was written in so many steps of the clock, the first of them at once.
    int times(MapDisplay& display, int steps, Duration step) {
        int count = 0;
        for (int i = 0; i < steps; ++i, now_ += step) {
            display.update(now_, 1, 0, 100);
            count += written().empty() ? 0 : 1;
        }
        return count;
    }
    Context context_{.global = {}, .out_traits = {}, .err_traits = {.width = 80}, .err = std::tmpfile()};
    MonotonicTime now_{1h};
    std::size_t read_ = 0;
};

TEST_F(MapDisplayTest, ALineComesAtOnceAndThenEachThirtySeconds) {
    auto display = open(ProgressMode::lines);
    display.update(now_, 0, 0, 100);
    EXPECT_EQ(written(), "film: 0/100  0%\n");
    EXPECT_EQ(display.due(), now_ + 30s);
    now_ += 29'999ms;
    display.update(now_, 50, 0, 100);
    EXPECT_THAT(written(), IsEmpty());
    now_ += 1ms;
    display.update(now_, 50, 0, 100);
    EXPECT_THAT(written(), StartsWith("film: 50/100  50%"));
    now_ += 30s;
    EXPECT_EQ(times(display, 600, 1s), 20) << "ten minutes";
}

TEST_F(MapDisplayTest, ABarIsDrawnTenTimesASecondAndJsonOnce) {
    auto bar = open(ProgressMode::bar);
    EXPECT_EQ(times(bar, 1000, 1ms), 10);
    auto json = open(ProgressMode::json);
    EXPECT_EQ(times(json, 10'000, 1ms), 10);
}

TEST_F(MapDisplayTest, NoneIsSilentUnlessSomethingFailed) {
    auto display = open(ProgressMode::none);
    EXPECT_EQ(display.due(), no_deadline);
    EXPECT_EQ(times(display, 100, 1min), 0);
    display.finish(now_, {}, "look there");
    EXPECT_THAT(written(), IsEmpty());
    display.update(now_, 2, 1, 2);
    display.finish(now_, {}, "look there");
    EXPECT_THAT(written(), HasSubstr("1 failed.  look there"));
}

TEST_F(MapDisplayTest, ABarMakesWayOnceAndOnlyWhereItStands) {
    auto display = open(ProgressMode::bar);
    display.make_way();
    EXPECT_THAT(written(), IsEmpty());
    display.update(now_, 1, 0, 2);
    EXPECT_THAT(written(), StartsWith("\r\x1b[Kfilm  "));
    display.make_way();
    display.make_way();
    EXPECT_EQ(written(), "\r\x1b[K");
}

}  // namespace
}  // namespace pinion::ctl
