// SPDX-License-Identifier: Apache-2.0
#include "ctl/paths.h"

#include <gtest/gtest.h>

namespace pinion::ctl {
namespace {

Surroundings user(std::string existing = "") {
    return {.uid = 1000,
            .home = "/home/u",
            .xdg_runtime_dir = "/run/user/1000",
            .exists = [existing](const std::string& path) { return path == existing; }};
}

TEST(Paths, AreTheSystemsForRoot) {
    EXPECT_EQ(default_runtime_dir({.root = true}), "/run/pinion");
    EXPECT_EQ(default_config({.root = true}), "/etc/pinion");
    EXPECT_EQ(default_runtime_dir({.root = true, .runtime_directory = "/run/other"}), "/run/other");
}

TEST(Paths, PreferTheUsersOwnDaemon) {
    EXPECT_EQ(default_runtime_dir(user()), "/run/user/1000/pinion");
    EXPECT_EQ(default_runtime_dir(user("/run/user/1000/pinion/control.sock")), "/run/user/1000/pinion");
    EXPECT_EQ(default_runtime_dir(user("/run/pinion/control.sock")), "/run/pinion");
    EXPECT_EQ(default_config(user()), "/home/u/.config/pinion");
    EXPECT_EQ(default_config(user("/etc/pinion")), "/etc/pinion");
}

TEST(Paths, HaveAPlaceWithoutAnXdgFolder) {
    Surroundings around = user();
    around.xdg_runtime_dir.clear();
    EXPECT_EQ(default_runtime_dir(around), "/tmp/pinion-1000");
}

}  // namespace
}  // namespace pinion::ctl
