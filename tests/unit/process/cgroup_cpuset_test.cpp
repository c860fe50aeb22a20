// SPDX-License-Identifier: Apache-2.0
// Switching cpusets on and setting them, on folders of plain files: what is read, what is written, and when nothing is.
// The kernel's half is tested in the machine of tests/system.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "process/cgroup.h"
#include "process/cgroup_controllers.h"
#include "process/cgroup_files.h"

namespace pinion::process {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(Controllers, AreWholeWords) {
    EXPECT_TRUE(lists_controller("cpuset cpu io\n", "cpuset"));
    EXPECT_TRUE(lists_controller("io cpuset\n", "cpuset"));
    EXPECT_FALSE(lists_controller("cpuset.x cpu\n", "cpuset"));
    EXPECT_FALSE(lists_controller("cpu\n", "cpuset"));
    EXPECT_FALSE(lists_controller("\n", "cpuset"));
    EXPECT_FALSE(lists_controller("", "cpuset"));
}

class FakeCgroup : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "pinion-cpuset-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    void TearDown() override { fs::remove_all(folder_); }

    void put(const std::string& name, const std::string& text) { std::ofstream(folder_ + "/" + name) << text; }
    std::string text_of(const std::string& name) { return read_file(folder_ + "/" + name, 4096).value_or("-"); }
    WorkerCgroup worker(bool fresh) {
        put("cgroup.events", "populated 0\n");
        put("cpuset.cpus", "");
        put("cpuset.mems", "");
        return {open_file(folder_, O_PATH | O_DIRECTORY).value(),
                open_file(folder_ + "/cgroup.events", O_RDONLY).value(), fresh};
    }
    void forget_writes() {
        put("cpuset.cpus", "");
        put("cpuset.mems", "");
    }

    std::string folder_;
};

TEST_F(FakeCgroup, AControllerIsSwitchedOnOnce) {
    put("cgroup.controllers", "cpuset cpu\n");
    put("cgroup.subtree_control", "");
    EXPECT_EQ(switch_controller_on(folder_, cpuset_controller), true);
    EXPECT_EQ(text_of("cgroup.subtree_control"), "+cpuset");
    put("cgroup.subtree_control", "cpuset\n");
    EXPECT_EQ(switch_controller_on(folder_, cpuset_controller), false);
    EXPECT_EQ(text_of("cgroup.subtree_control"), "cpuset\n");
}

TEST_F(FakeCgroup, AControllerThatIsNotGivenIsNamedWithThoseThatAre) {
    put("cgroup.controllers", "memory pids\n");
    put("cgroup.subtree_control", "");
    const auto refused = switch_controller_on(folder_, cpuset_controller);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("was not given the controller 'cpuset' (it has 'memory pids')"));
    EXPECT_EQ(text_of("cgroup.subtree_control"), "");
    put("cgroup.controllers", "\n");
    EXPECT_THAT(switch_controller_on(folder_, cpuset_controller).error().message, HasSubstr("(it has none)"));
}

TEST_F(FakeCgroup, AnUnreadableFolderIsNamed) {
    EXPECT_THAT(switch_controller_on(folder_ + "/no", cpuset_controller).error().message, HasSubstr(folder_ + "/no"));
}

TEST_F(FakeCgroup, AWorkerIsConfinedToCpusAndNodes) {
    WorkerCgroup group = worker(true);
    ASSERT_TRUE(group.confine({2, 6}, {1}));
    EXPECT_EQ(text_of("cpuset.cpus"), "2,6\n");
    EXPECT_EQ(text_of("cpuset.mems"), "1\n");
}

TEST_F(FakeCgroup, OnlyWhatDiffersIsWritten) {
    WorkerCgroup group = worker(true);
    ASSERT_TRUE(group.confine({2}, {}));
    EXPECT_EQ(text_of("cpuset.cpus"), "2\n");
    EXPECT_EQ(text_of("cpuset.mems"), "") << "a fresh one has no nodes set";
    forget_writes();
    ASSERT_TRUE(group.confine({2}, {}));
    EXPECT_EQ(text_of("cpuset.cpus"), "");
    ASSERT_TRUE(group.confine({2}, {0}));
    EXPECT_EQ(text_of("cpuset.cpus"), "");
    EXPECT_EQ(text_of("cpuset.mems"), "0\n");
    forget_writes();
    ASSERT_TRUE(group.confine({}, {}));
    EXPECT_EQ(text_of("cpuset.cpus"), "\n") << "an empty line: as the parent";
    EXPECT_EQ(text_of("cpuset.mems"), "\n");
}

TEST_F(FakeCgroup, AnOldOneIsWrittenWhole) {
    WorkerCgroup group = worker(false);
    ASSERT_TRUE(group.confine({}, {}));
    EXPECT_EQ(text_of("cpuset.cpus"), "\n");
    EXPECT_EQ(text_of("cpuset.mems"), "\n");
}

TEST_F(FakeCgroup, AFailureIsToldAndForgotten) {
    WorkerCgroup group = worker(true);
    fs::remove(folder_ + "/cpuset.cpus");
    const auto failed = group.confine({2}, {});
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().message, HasSubstr("set 'cpuset.cpus' to '2'"));
    EXPECT_EQ(failed.error().code, ENOENT);
    put("cpuset.cpus", "");
    ASSERT_TRUE(group.confine({2}, {}));
    EXPECT_EQ(text_of("cpuset.cpus"), "2\n");
    EXPECT_EQ(text_of("cpuset.mems"), "\n") << "what is in force is not known after a failure";
}

}  // namespace
}  // namespace pinion::process
