// SPDX-License-Identifier: Apache-2.0
#include "event/uevents.h"

#include <gtest/gtest.h>

#include <string>

namespace pinion::event {
namespace {

using namespace std::string_literals;

TEST(CpuEvents, TellOfCpusThatComeAndGo) {
    EXPECT_TRUE(tells_of_cpu("offline@/devices/system/cpu/cpu3\0ACTION=offline\0DEVPATH=/devices/system/cpu/cpu3\0"s));
    EXPECT_TRUE(tells_of_cpu("online@/devices/system/cpu/cpu127\0ACTION=online\0"s));
    EXPECT_TRUE(tells_of_cpu("add@/devices/system/cpu/cpu8"));
}

TEST(CpuEvents, AreSilentOfEverythingElse) {
    for (const char* text :
         {"", "@", "offline", "offline@", "offline@/devices/system/cpu/cpu", "offline@/devices/system/cpu",
          "change@/devices/system/cpu/cpu3", "offline@/devices/system/cpu/cpu3/cache",
          "offline@/devices/system/cpu/cpufreq", "offline@/devices/system/memory/memory3", "libudev",
          "bind@/devices/system/cpu/cpu3", "online@/devices/system/cpu/cpu3x"})
        EXPECT_FALSE(tells_of_cpu(text)) << text;
    EXPECT_FALSE(tells_of_cpu("add@/module/x\0offline@/devices/system/cpu/cpu3"s));
}

TEST(CpuEvents, CanBeListenedToWhereTheKernelLetsOne) {
    auto loop = Loop::make();
    ASSERT_TRUE(loop);
    const auto events = CpuEvents::open(*loop, [] {});
    if (!events) GTEST_SKIP() << events.error().message;
    SUCCEED();
}

}  // namespace
}  // namespace pinion::event
