// SPDX-License-Identifier: Apache-2.0
// Real cgroups, below a folder of this test's own in a cgroup2 file system; skipped where we may not make one.
#include "process/cgroup.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "harness.h"
#include "process/cgroup_files.h"
#include "process/mounts.h"
#include "process/process_facts.h"

namespace pinion::process {
namespace {

namespace fs = std::filesystem;
using test::Method;
using test::script_of;
using testing::HasSubstr;

std::optional<std::string> cgroup2_mount() {
    for (const Mount& mount : parse_mountinfo(read_file("/proc/self/mountinfo", 8 << 20).value()))
        if (mount.type == "cgroup2") return mount.point;
    return std::nullopt;
}

void write_text(const std::string& path, const std::string& text) {
    const auto file = open_file(path, O_WRONLY).value();
    ASSERT_TRUE(write_all(file.fd(), text)) << path;
}

class CgroupTree : public testing::Test {
protected:
    void SetUp() override {
        const auto mount = cgroup2_mount();
        if (!mount) GTEST_SKIP() << "no cgroup2 file system is mounted here";
        folder_ = *mount + "/pinion-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count_);
        if (::mkdir(folder_.c_str(), 0755) < 0) {
            const std::string why = errno_text(errno);
            folder_.clear();
            GTEST_SKIP() << "may not make a cgroup: " << why;
        }
    }
    void TearDown() override {
        if (folder_.empty()) return;
        std::vector<std::string> all{folder_};
        for (std::size_t i = 0; i < all.size(); ++i)
            for (const auto& entry : fs::directory_iterator(all[i]))
                if (entry.is_directory()) all.push_back(entry.path());
        for (auto path = all.rbegin(); path != all.rend(); ++path) {
            const WorkerCgroup group(open_file(*path, O_PATH).value(),
                                     open_file(*path + "/cgroup.events", O_RDONLY).value());
            EXPECT_TRUE(wait_until_empty(group));
            EXPECT_EQ(::rmdir(path->c_str()), 0) << *path << ": " << errno_text(errno);
        }
    }

    Cgroups cgroups() { return Cgroups::at(folder_).value(); }
    Child start_in(int cgroup_fd, const std::string& script, Method method = Method::clone) {
        const ImageBuffer image = test::image_of(script_of(script));
        auto child = test::spawn_with(method, image.image(), cgroup_fd);
        EXPECT_TRUE(child) << to_string(child.error());
        return std::move(*child);
    }
    // A child that says it is up, so that what its script did before has happened.
    Child start_and_wait(int cgroup_fd, const std::string& script) {
        auto pipe = make_pipe().value();
        const ImageBuffer image = test::image_of(script_of(script), pipe.write.fd(), 2);
        auto child = spawn(image.image(), cgroup_fd);
        pipe.write.reset();
        EXPECT_EQ(test::read_line(pipe.read.fd()), "up");
        return std::move(*child);
    }
    bool wait_until_empty(const WorkerCgroup& worker) {
        while (worker.populated().value()) {
            pollfd poll{worker.events_fd(), POLLPRI, 0};
            if (::poll(&poll, 1, 20'000) <= 0) return false;
        }
        return true;
    }

    static inline int count_ = 0;
    std::string folder_;
};

TEST_F(CgroupTree, BearsAChildInItsCgroupByEachMethod) {
    auto tree = cgroups();
    for (const Method method : {Method::clone, Method::vfork, Method::fork}) {
        const auto worker = tree.make("web", Slot{3}).value();
        EXPECT_FALSE(worker.populated().value());
        const Child child = start_in(worker.folder_fd(), "exec sleep 1000", method);
        const auto where = read_file("/proc/" + std::to_string(child.pid) + "/cgroup", 1 << 20).value();
        EXPECT_THAT(parse_own_cgroup(where).value(), testing::EndsWith("/web/3"));
        EXPECT_TRUE(worker.populated().value());
        EXPECT_TRUE(worker.kill());
        EXPECT_EQ(to_string(test::await_death(child)), "SIGKILL");
        EXPECT_TRUE(wait_until_empty(worker));
    }
    EXPECT_TRUE(tree.remove("web", Slot{3}));
    EXPECT_FALSE(fs::exists(folder_ + "/web"));
}

TEST_F(CgroupTree, BearsALivingChildInACgroupThatWasKilledBefore) {
    const auto worker = cgroups().make("web", Slot{0}).value();
    for (int i = 0; i < 10; ++i) {
        const ImageBuffer image = test::image_of(script_of("exec sleep 1000"));
        const auto child =
            i % 2 == 0 ? spawn(image.image(), worker.folder_fd()) : spawn_by_fork(image.image(), worker.folder_fd());
        ASSERT_TRUE(child);
        EXPECT_TRUE(worker.populated().value()) << "killed at its birth";
        EXPECT_FALSE(reap(child->pidfd.fd()).value());
        EXPECT_TRUE(worker.kill());
        EXPECT_EQ(to_string(test::await_death(*child)), "SIGKILL");
        EXPECT_TRUE(wait_until_empty(worker));
    }
}

TEST_F(CgroupTree, KillsWhatForkedTwiceLeftTheSessionAndDroppedItsEnvironment) {
    ASSERT_TRUE(become_subreaper());
    auto tree = cgroups();
    const auto worker = tree.make("web", Slot{0}).value();
    const Child child =
        start_and_wait(worker.folder_fd(), "(setsid env -i sh -c 'echo up; exec sleep 1000' &); exit 0");
    test::await_death(child);
    EXPECT_TRUE(worker.populated().value());
    EXPECT_TRUE(worker.kill());
    EXPECT_TRUE(wait_until_empty(worker));
    EXPECT_TRUE(tree.remove("web", Slot{0}));
    for (const pid_t pid : children_of(::getpid())) test::wait_for(pid);
}

TEST_F(CgroupTree, KillsAndRemovesNestedGroups) {
    auto tree = cgroups();
    const auto worker = tree.make("web", Slot{0}).value();
    const Child child = start_and_wait(worker.folder_fd(), "mkdir -p " + folder_ + "/web/0/a/b; echo 0 > " + folder_ +
                                                               "/web/0/a/b/cgroup.procs; echo up; exec sleep 1000");
    EXPECT_TRUE(worker.populated().value());
    EXPECT_TRUE(worker.kill());
    EXPECT_EQ(to_string(test::await_death(child)), "SIGKILL");
    EXPECT_TRUE(wait_until_empty(worker));
    EXPECT_TRUE(tree.remove("web", Slot{0}));
    EXPECT_FALSE(fs::exists(folder_ + "/web"));
}

TEST_F(CgroupTree, RefusesToRemoveAPopulatedGroup) {
    auto tree = cgroups();
    const auto worker = tree.make("web", Slot{0}).value();
    const Child child = start_in(worker.folder_fd(), "exec sleep 1000");
    const auto removed = tree.remove("web", Slot{0});
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, EBUSY);
    EXPECT_TRUE(worker.kill());
    test::await_death(child);
    EXPECT_TRUE(wait_until_empty(worker));
    EXPECT_TRUE(tree.remove("web", Slot{0}));
}

TEST_F(CgroupTree, RemovesThePoolWithItsLastSlot) {
    auto tree = cgroups();
    (void)tree.make("web", Slot{0}).value();
    (void)tree.make("web", Slot{1}).value();
    (void)tree.make("web", Slot{1}).value();  // again: opened
    EXPECT_TRUE(tree.remove("web", Slot{0}));
    EXPECT_TRUE(fs::exists(folder_ + "/web/1"));
    EXPECT_TRUE(tree.remove("web", Slot{1}));
    EXPECT_FALSE(fs::exists(folder_ + "/web"));
    EXPECT_TRUE(tree.remove("web", Slot{1})) << "gone is as good as removed";
}

TEST_F(CgroupTree, AnswersForAGroupThatIsGone) {
    auto tree = cgroups();
    const auto worker = tree.make("web", Slot{0}).value();
    EXPECT_TRUE(tree.remove("web", Slot{0}));
    EXPECT_FALSE(worker.populated().value());
    EXPECT_TRUE(worker.kill());
    EXPECT_FALSE(worker.oom_kills());
}

TEST_F(CgroupTree, RefusesAPoolThatIsNoName) {
    auto tree = cgroups();
    for (const char* name : {"..", "_daemon", "", "a/b", "A"}) {
        EXPECT_FALSE(tree.make(name, Slot{0})) << name;
        EXPECT_FALSE(tree.remove(name, Slot{0})) << name;
    }
}

TEST_F(CgroupTree, FailsASpawnIntoAGroupThatWasRemoved) {
    auto tree = cgroups();
    const auto worker = tree.make("web", Slot{0}).value();
    EXPECT_TRUE(tree.remove("web", Slot{0}));
    const ImageBuffer image = test::image_of(test::spec_of({"/bin/true"}));
    for (const Method method : {Method::clone, Method::vfork, Method::fork}) {
        const auto child = test::spawn_with(method, image.image(), worker.folder_fd());
        ASSERT_FALSE(child);
        EXPECT_EQ(child.error().stage, SpawnStage::cgroup);
        EXPECT_THAT(child.error().object, HasSubstr("/web/0"));
    }
}

TEST_F(CgroupTree, TakesOverFromADeadPredecessor) {
    {
        auto predecessor = cgroups();
        (void)predecessor.make("web", Slot{1}).value();
    }
    auto tree = cgroups();
    const auto worker = tree.make("web", Slot{0}).value();
    const Child left =
        start_and_wait(worker.folder_fd(), "mkdir -p " + folder_ + "/web/0/own; echo up; exec sleep 1000");
    ::mkdir((folder_ + "/Operator").c_str(), 0755);  // no pool's name: not ours
    ::mkdir((folder_ + "/web2").c_str(), 0755);
    ::mkdir((folder_ + "/web2/other").c_str(), 0755);  // no slot's name

    // In a process of its own, since it moves itself.
    EXPECT_EQ(test::in_child_process([&] {
                  auto successor = Cgroups::at(folder_);
                  const auto taken = successor->take_over();
                  if (!taken) std::fprintf(stderr, "%s\n", taken.error().message.c_str());
                  const auto own = parse_own_cgroup(read_file("/proc/self/cgroup", 1 << 20).value());
                  return taken && own && own->ends_with("/_daemon") ? 0 : 1;
              }),
              0);
    EXPECT_EQ(to_string(test::await_death(left)), "SIGKILL");
    EXPECT_FALSE(fs::exists(folder_ + "/web"));
    EXPECT_TRUE(fs::exists(folder_ + "/Operator"));
    EXPECT_TRUE(fs::exists(folder_ + "/web2/other"));
}

TEST_F(CgroupTree, RefusesToTakeOverFromALivingDaemon) {
    auto tree = cgroups();
    const auto worker = tree.make("web", Slot{0}).value();
    const Child busy = start_in(worker.folder_fd(), "exec sleep 1000");
    ASSERT_EQ(::mkdir((folder_ + "/_daemon").c_str(), 0755), 0);
    const Child daemon = start_in(-1, "exec sleep 1000");
    write_text(folder_ + "/_daemon/cgroup.procs", std::to_string(daemon.pid));

    const auto taken = tree.take_over();
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, EBUSY);
    EXPECT_THAT(taken.error().message, HasSubstr("process " + std::to_string(daemon.pid)));
    EXPECT_TRUE(worker.populated().value()) << "its worker was killed";

    EXPECT_TRUE(send_signal(daemon.pidfd.fd(), SIGKILL));
    EXPECT_TRUE(worker.kill());
    test::await_death(daemon);
    test::await_death(busy);
    EXPECT_TRUE(wait_until_empty(worker));
}

TEST_F(CgroupTree, RefusesToEndTheGroupItRunsIn) {
    auto tree = cgroups();
    (void)tree.make("web", Slot{0}).value();
    EXPECT_EQ(test::in_child_process([&] {
                  write_text(folder_ + "/web/0/cgroup.procs", "0");
                  const auto taken = Cgroups::at(folder_)->take_over();
                  return !taken && taken.error().code == EBUSY ? 0 : 1;
              }),
              0);
}

TEST_F(CgroupTree, IsFoundWhereItWasDelegated) {
    const std::string own = folder_ + "/unit";
    ASSERT_EQ(::mkdir(own.c_str(), 0755), 0);
    const auto found_in_child = [&](const std::string& folder) {
        return test::in_child_process([&] {
            write_text(folder + "/cgroup.procs", "0");
            const auto found = Cgroups::find_delegated();
            if (!found) return 1;
            return found->folder() == own ? 0 : 2;
        });
    };
    EXPECT_EQ(found_in_child(own), 1) << "not delegated yet";
    for (const char* name : {"trusted.delegate", "user.delegate"}) {
        if (::setxattr(own.c_str(), name, "1", 1, 0) < 0) {
            EXPECT_TRUE(errno == EPERM || errno == EOPNOTSUPP);
            continue;
        }
        EXPECT_EQ(found_in_child(own), 0) << name;
        ASSERT_EQ(::setxattr(own.c_str(), name, "0", 1, 0), 0);
        EXPECT_EQ(found_in_child(own), 1) << name;
        ASSERT_EQ(::setxattr(own.c_str(), name, "1", 1, 0), 0);
        ::mkdir((own + "/_daemon").c_str(), 0755);
        EXPECT_EQ(found_in_child(own + "/_daemon"), 0) << "after a re-exec, " << name;
        ASSERT_EQ(::removexattr(own.c_str(), name), 0);
    }
}

TEST_F(CgroupTree, MakesTheFolderThatTheOperatorNames) {
    const auto made = Cgroups::at(folder_ + "/named");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->folder(), folder_ + "/named");
    EXPECT_FALSE(Cgroups::at(folder_ + "/missing/deep"));
}

TEST(CgroupsAt, RefusesAFolderThatIsNoCgroup) {
    const std::string folder = fs::temp_directory_path() / ("pinion-no-cgroup-" + std::to_string(::getpid()));
    const auto refused = Cgroups::at(folder);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("not on a cgroup2 file system"));
    EXPECT_FALSE(fs::exists(folder)) << "the folder it made is left";
}

}  // namespace
}  // namespace pinion::process
