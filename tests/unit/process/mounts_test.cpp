// SPDX-License-Identifier: Apache-2.0
#include "process/mounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "process/cgroup_files.h"
#include "process/may_block.h"
#include "process/spawn.h"

namespace pinion::process {
namespace {

using testing::ElementsAre;

constexpr const char* table =
    "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
    "23 22 0:21 / /proc rw - proc proc rw\n"
    "24 22 0:22 / /sys/fs/cgroup rw shared:2 master:7 - cgroup2 cgroup2 rw\n"
    "25 22 0:40 /export /mnt/nfs rw - nfs4 server:/export rw,addr=10.0.0.1\n"
    "26 22 0:41 / /home/ann/my\\040photos rw - fuse.sshfs ann@host: rw\n"
    "27 22 0:42 / /net rw - autofs auto.net rw\n"
    "28 27 254:2 / /mnt/nfs/disk rw - xfs /dev/vdb rw\n"
    "29 22 0:43 / /over rw - nfs server:/a rw\n"
    "30 22 254:3 / /over rw - ext4 /dev/vdc rw\n";

std::vector<Mount> mounts() { return parse_mountinfo(table); }

bool leads(const std::string& path, const std::map<std::string, std::string>& links = {}) {
    const std::vector<Mount> all = mounts();
    return leads_to_blocking(all, path, [&](const std::string& at) -> std::optional<std::string> {
        const Mount* mount = find_mount(all, at);
        EXPECT_FALSE(type_may_block(mount->type)) << "touched " << at;
        const auto found = links.find(at);
        return found == links.end() ? std::nullopt : std::optional(found->second);
    });
}

TEST(Mounts, ReadsRootsPointsAndTypes) {
    EXPECT_THAT(parse_mountinfo("25 22 0:40 /export /mnt/nfs rw - nfs4 server:/export rw\n"),
                ElementsAre(Mount{"/export", "/mnt/nfs", "nfs4"}));
}

TEST(Mounts, ReadsAnyNumberOfOptionalFields) {
    EXPECT_THAT(parse_mountinfo("1 2 0:1 / /a rw x:1 y:2 z:3 - tmpfs none rw\n3 2 0:1 / /b rw - tmpfs none rw"),
                ElementsAre(Mount{"/", "/a", "tmpfs"}, Mount{"/", "/b", "tmpfs"}));
}

TEST(Mounts, ResolvesEscapes) {
    EXPECT_EQ(parse_mountinfo("1 2 0:1 / /a\\040b\\134c\\0x rw - tmpfs none rw").at(0).point, "/a b\\c\\0x");
}

TEST(Mounts, LeavesOutWhatIsNoMount) {
    EXPECT_THAT(parse_mountinfo("\nhello\n1 2 0:1 / /a rw x y z\n1 2 3 4 5 6 7 8 -\n"), ElementsAre());
}

TEST(Mounts, KnowsTypesThatMayBlock) {
    for (const char* type :
         {"nfs", "nfs4", "cifs", "smb3", "fuse", "fuse.sshfs", "fuseblk", "9p", "ceph", "afs", "autofs"})
        EXPECT_TRUE(type_may_block(type)) << type;
    for (const char* type : {"ext4", "xfs", "btrfs", "tmpfs", "overlay", "proc", "fusectl", "nfsd", ""})
        EXPECT_FALSE(type_may_block(type)) << type;
}

TEST(Mounts, FindsTheLongestMountPoint) {
    const std::vector<Mount> all = mounts();
    EXPECT_EQ(find_mount(all, "/mnt/nfs/disk/x")->type, "xfs");
    EXPECT_EQ(find_mount(all, "/mnt/nfs/x")->type, "nfs4");
    EXPECT_EQ(find_mount(all, "/mnt/nfsx")->type, "ext4");
    EXPECT_EQ(find_mount(all, "/")->type, "ext4");
    EXPECT_EQ(find_mount({}, "/"), nullptr);
}

TEST(Mounts, TakesTheLastOfTwoOnOnePoint) {
    const std::vector<Mount> all = mounts();
    EXPECT_EQ(find_mount(all, "/over/x")->type, "ext4");
}

TEST(MayBlock, SeesPathsOnNetworkFileSystems) {
    EXPECT_TRUE(leads("/mnt/nfs/bin/server"));
    EXPECT_TRUE(leads("/mnt/nfs"));
    EXPECT_TRUE(leads("/home/ann/my photos/x"));
    EXPECT_TRUE(leads("/net/host/x"));
    EXPECT_FALSE(leads("/usr/bin/server"));
    EXPECT_FALSE(leads("/"));
    EXPECT_FALSE(leads(""));
}

TEST(MayBlock, FollowsLinksWithoutTouchingWhatBlocks) {
    EXPECT_TRUE(leads("/srv/app/bin", {{"/srv/app", "/mnt/nfs/app"}}));
    EXPECT_TRUE(leads("/srv/app/bin", {{"/srv/app", "../mnt/nfs"}}));
    EXPECT_FALSE(leads("/srv/app/bin", {{"/srv/app", "../opt/./app"}}));
    EXPECT_FALSE(leads("/srv/../usr/bin"));
    EXPECT_TRUE(leads("/usr/../mnt/nfs"));
    EXPECT_TRUE(leads("/../../mnt/nfs"));
}

TEST(MayBlock, FollowsFortyLinksAndNotOneMore) {
    std::map<std::string, std::string> links;
    for (int i = 0; i < 40; ++i) links["/l" + std::to_string(i)] = "/l" + std::to_string(i + 1);
    EXPECT_FALSE(leads("/l0", links));
    links["/l40"] = "/l41";
    EXPECT_TRUE(leads("/l0", links));
}

TEST(MayBlock, SaysNoOfProc) { EXPECT_FALSE(may_block("/proc/self/status")); }

TEST(CgroupFiles, FindTheOwnCgroup) {
    EXPECT_EQ(parse_own_cgroup("9:name=systemd:/\n0::/system.slice/pinion.service\n"), "/system.slice/pinion.service");
    EXPECT_EQ(parse_own_cgroup("0::/\n"), "/");
    EXPECT_EQ(parse_own_cgroup("4:memory:/x\n"), std::nullopt);
    EXPECT_EQ(parse_own_cgroup(""), std::nullopt);
}

TEST(CgroupFiles, FindTheFolderBelowTheMount) {
    EXPECT_EQ(find_cgroup_folder(mounts(), "/a/b"), "/sys/fs/cgroup/a/b");
    EXPECT_EQ(find_cgroup_folder(mounts(), "/"), "/sys/fs/cgroup");
    EXPECT_EQ(find_cgroup_folder(mounts(), "/../x"), std::nullopt);
    const std::vector<Mount> bound{{"/slice/c1", "/cg", "cgroup2"}};
    EXPECT_EQ(find_cgroup_folder(bound, "/slice/c1/a"), "/cg/a");
    EXPECT_EQ(find_cgroup_folder(bound, "/slice/c1"), "/cg");
    EXPECT_EQ(find_cgroup_folder(bound, "/slice/c12"), std::nullopt);
    EXPECT_EQ(find_cgroup_folder({}, "/"), std::nullopt);
}

TEST(CgroupFiles, ReadFlatKeys) {
    EXPECT_EQ(find_flat_value("populated 1\nfrozen 0\n", "populated"), 1U);
    EXPECT_EQ(find_flat_value("oom 5\noom_kill 2\n", "oom_kill"), 2U);
    EXPECT_EQ(find_flat_value("oom_kill_x 3\n", "oom_kill"), std::nullopt);
    EXPECT_EQ(find_flat_value("populated x\n", "populated"), std::nullopt);
}

}  // namespace
}  // namespace pinion::process
