// SPDX-License-Identifier: Apache-2.0
// Trees without a cgroup: found and ended whole, and nothing else touched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "harness.h"
#include "process/child.h"
#include "process/process_facts.h"
#include "process/tree_members.h"

namespace pinion::process {
namespace {

using test::script_of;
using testing::ElementsAre;
using testing::IsEmpty;

// A worker whose standard output is a pipe that all of its tree inherits: the pipe ends when the whole tree has ended.
struct Tree {
    Child leader;
    UniqueFd output;
    TreeTag tag;

    static Tree start(const std::string& script, std::uint64_t generation = 1) {
        auto pipe = make_pipe().value();
        const PoolSpec spec = script_of(script);
        const cpu::Seat seat;
        const auto image = ImageBuffer::build(
            {.spec = spec, .seat = seat, .generation = generation, .stdout_fd = pipe.write.fd(), .stderr_fd = 2});
        auto child = spawn(image->image(), -1);
        if (!child) std::abort();
        const pid_t pid = child->pid;
        return {std::move(*child), std::move(pipe.read), {.leader = pid, .pool = "test", .generation = generation}};
    }
    pid_t read_pid() const { return static_cast<pid_t>(std::stol("0" + test::read_line(output.fd()))); }
    // Reads until every holder of the pipe is gone.
    void await_end() const { EXPECT_EQ(test::read_to_end(output.fd()), ""); }
};

bool runs(pid_t pid) {
    const auto facts = read_facts(pid);
    return facts && facts->running;
}

UniqueFd pidfd_of(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

void kill_child(const Child& child) {
    EXPECT_TRUE(send_signal(child.pidfd.fd(), SIGKILL));
    test::await_death(child);
}

class TreeWithoutCgroup : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(become_subreaper());
        reap_all();  // what other tests of this process left behind
        ASSERT_THAT(children_of(::getpid()), IsEmpty());
    }
    void TearDown() override { reap_all(); }

    // What is left must be ending.
    static void reap_all() {
        for (const pid_t pid : children_of(::getpid())) {
            EXPECT_TRUE(test::wait_readable(pidfd_of(pid).fd())) << pid << " lives on";
            EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), pid);
        }
    }
};

TEST_F(TreeWithoutCgroup, EndsTheLeaderAndItsGroup) {
    const Tree tree = Tree::start("sleep 1000 & sleep 1000 & echo $$; wait");
    EXPECT_EQ(tree.read_pid(), tree.leader.pid);
    EXPECT_TRUE(tree_alive(tree.tag, {}));
    EXPECT_EQ(kill_tree(tree.tag, {}), 3U);
    EXPECT_EQ(to_string(test::await_death(tree.leader)), "SIGKILL");
    tree.await_end();
    for (const pid_t pid : children_of(::getpid())) EXPECT_TRUE(test::wait_readable(pidfd_of(pid).fd()));
    EXPECT_FALSE(tree_alive(tree.tag, {}));
}

TEST_F(TreeWithoutCgroup, IsOverWithALoneLeader) {
    const Tree tree = Tree::start("exit 0");
    ASSERT_TRUE(test::wait_readable(tree.leader.pidfd.fd()));
    EXPECT_FALSE(tree_alive(tree.tag, {})) << "a zombie counts";
    EXPECT_EQ(kill_tree(tree.tag, {}), 0U);
    EXPECT_EQ(to_string(test::await_death(tree.leader)), "exit 0");
    EXPECT_FALSE(tree_alive(tree.tag, {}));
}

TEST_F(TreeWithoutCgroup, FindsAnOrphanThatForkedTwiceAndLeftTheSession) {
    const Tree tree = Tree::start("(setsid sh -c 'echo $$; exec sleep 1000' &); exit 0");
    const pid_t orphan = tree.read_pid();
    test::await_death(tree.leader);
    const UniqueFd watch = pidfd_of(orphan);
    EXPECT_TRUE(tree_alive(tree.tag, {}));
    EXPECT_EQ(kill_tree(tree.tag, {}), 1U);
    ASSERT_TRUE(test::wait_readable(watch.fd()));
    EXPECT_FALSE(tree_alive(tree.tag, {}));
    EXPECT_THAT(reap_strays({}), ElementsAre(orphan));
}

TEST_F(TreeWithoutCgroup, FindsAnOrphanThatDroppedItsEnvironmentButKeptTheSession) {
    const Tree tree = Tree::start("env -i sh -c 'echo $$; exec sleep 1000' & exit 0");
    const pid_t orphan = tree.read_pid();
    test::await_death(tree.leader);
    const UniqueFd watch = pidfd_of(orphan);
    EXPECT_TRUE(tree_alive(tree.tag, {}));
    EXPECT_EQ(kill_tree(tree.tag, {}), 1U);
    ASSERT_TRUE(test::wait_readable(watch.fd()));
    EXPECT_THAT(reap_strays({}), ElementsAre(orphan));
}

TEST_F(TreeWithoutCgroup, FindsADescendantThatDroppedBothWhileItsParentsLive) {
    const Tree tree = Tree::start("sh -c 'setsid env -i sh -c \"echo \\$\\$; sleep 1000; :\" & wait' & wait");
    const pid_t deep = tree.read_pid();
    EXPECT_TRUE(runs(deep));
    EXPECT_GE(kill_tree(tree.tag, {}), 3U);  // and perhaps its sleep
    test::await_death(tree.leader);
    tree.await_end();
}

TEST_F(TreeWithoutCgroup, EndsWhatIsStopped) {
    const Tree tree = Tree::start("sh -c 'echo $$; kill -STOP $$; :' & wait");
    const pid_t stopped = tree.read_pid();
    EXPECT_TRUE(runs(stopped));
    EXPECT_GE(kill_tree(tree.tag, {}), 2U);
    test::await_death(tree.leader);
    tree.await_end();
}

TEST_F(TreeWithoutCgroup, NamesAllItsMembersTheLeaderFirst) {
    // A child, one deeper that dropped session and environment, and an orphan that left the session.
    const Tree tree = Tree::start(
        "echo $$; sh -c 'echo $$; setsid env -i sh -c \"echo \\$\\$; exec sleep 1000\" & wait' & "
        "(setsid sh -c 'echo $$; exec sleep 1000' &); wait");
    std::vector<pid_t> told;
    for (int i = 0; i < 4; ++i) told.push_back(tree.read_pid());
    const Tree other = Tree::start("echo $$; exec sleep 1000", 2);
    other.read_pid();
    const std::vector<pid_t> known{tree.leader.pid, other.leader.pid};

    const auto members = TreeMembers(known).of(tree.tag);
    ASSERT_FALSE(members.empty());
    EXPECT_EQ(members.front(), tree.leader.pid);
    EXPECT_THAT(members, testing::IsSupersetOf(told));
    EXPECT_THAT(members, testing::Not(testing::Contains(other.leader.pid)));
    EXPECT_THAT(TreeMembers(known).of(other.tag), ElementsAre(other.leader.pid));
    for (const Tree* each : {&tree, &other}) {
        kill_tree(each->tag, known);
        test::await_death(each->leader);
        each->await_end();
    }
}

TEST_F(TreeWithoutCgroup, LeavesOtherWorkersAndOtherGenerations) {
    const Tree old = Tree::start("(setsid sh -c 'echo $$; exec sleep 1000' &); exit 0", 1);
    const pid_t old_orphan = old.read_pid();
    test::await_death(old.leader);
    const UniqueFd watch = pidfd_of(old_orphan);
    const Tree other = Tree::start("sh -c 'echo $$; exec sleep 1000' & wait", 2);
    const pid_t other_child = other.read_pid();

    EXPECT_EQ(kill_tree(old.tag, {other.leader.pid}), 1U);
    ASSERT_TRUE(test::wait_readable(watch.fd()));
    EXPECT_TRUE(runs(other.leader.pid));
    EXPECT_TRUE(runs(other_child));
    EXPECT_THAT(reap_strays({other.leader.pid}), ElementsAre(old_orphan));

    EXPECT_EQ(kill_tree(other.tag, {other.leader.pid}), 2U) << "its own leader is not a stranger";
    test::await_death(other.leader);
    other.await_end();
}

TEST_F(TreeWithoutCgroup, NeverTouchesAKnownMainProcess) {
    const Tree known = Tree::start("echo $$; exec sleep 1000");
    known.read_pid();
    TreeTag same = known.tag;  // the same pool, slot and generation, of a leader that is gone
    same.leader = 1;
    EXPECT_EQ(kill_tree(same, {known.leader.pid}), 0U);
    EXPECT_FALSE(tree_alive(same, {known.leader.pid}));
    EXPECT_TRUE(runs(known.leader.pid));
    kill_child(known.leader);
}

TEST_F(TreeWithoutCgroup, NeverTouchesALeaderThatIsNotOurs) {
    // The leader's pid was given to a stranger: here a session leader below a known worker.
    const Tree known = Tree::start("setsid sh -c 'echo $$; exec sleep 1000' & wait");
    const pid_t stranger = known.read_pid();
    TreeTag reused{.leader = stranger, .pool = "gone", .generation = 9};
    EXPECT_FALSE(tree_alive(reused, {known.leader.pid}));
    EXPECT_EQ(kill_tree(reused, {known.leader.pid}), 0U);
    EXPECT_TRUE(runs(stranger));
    kill_tree(known.tag, {});
    test::await_death(known.leader);
    known.await_end();
}

TEST_F(TreeWithoutCgroup, WithoutALeaderTouchesNobody) {
    const Tree other = Tree::start("echo $$; exec sleep 1000");
    other.read_pid();
    for (const pid_t leader : {-1, 0, 1}) EXPECT_EQ(kill_tree({.leader = leader, .pool = "none"}, {}), 0U);
    EXPECT_TRUE(runs(other.leader.pid));
    kill_child(other.leader);
}

// The number of a leader that is reaped may have been given to another worker's.
TEST_F(TreeWithoutCgroup, WhoseLeadersNumberWasGivenOnIsFoundByItsTagAlone) {
    const Tree other = Tree::start("echo $$; exec sleep 1000");
    const pid_t pid = other.read_pid();
    TreeTag gone = other.tag;
    gone.pool = "gone";
    EXPECT_TRUE(tree_alive(gone, {pid})) << "by its session: why the number is not to be given";
    gone.leader = 0;
    EXPECT_FALSE(tree_alive(gone, {pid}));
    EXPECT_EQ(kill_tree(gone, {pid}), 0U);
    EXPECT_TRUE(TreeMembers({pid}).of(gone).empty());
    EXPECT_EQ(kill_tree(other.tag, {}), 1U);
    EXPECT_EQ(to_string(test::await_death(other.leader)), "SIGKILL");
}

TEST_F(TreeWithoutCgroup, CatchesATreeThatKeepsForking) {
    // Each process leaves the session, starts the next one, and ends: no listing is ever up to date.
    const Tree tree =
        Tree::start("S='setsid sh -c \"$S\" & exit 0'; export S; echo $$; sh -c \"$S\" & sh -c \"$S\" & wait");
    tree.read_pid();
    int rounds = 0;
    while (tree_alive(tree.tag, {}) && ++rounds < 1000) {
        kill_tree(tree.tag, {});
        reap_strays({tree.leader.pid});
    }
    EXPECT_LT(rounds, 1000);
    test::await_death(tree.leader);
    // One that was between two looks may have got away from `tree_alive` too; it is still found.
    while (!children_of(::getpid()).empty() && ++rounds < 100'000) {
        kill_tree(tree.tag, {});
        reap_strays({});
    }
    tree.await_end();
}

TEST_F(TreeWithoutCgroup, CatchesABroadForker) {
    const Tree tree = Tree::start("echo $$; i=0; while [ $i -lt 300 ]; do sleep 1000 & i=$((i+1)); done; wait");
    tree.read_pid();  // in the middle of it
    EXPECT_GE(kill_tree(tree.tag, {}), 1U);
    test::await_death(tree.leader);
    tree.await_end();
}

TEST_F(TreeWithoutCgroup, ReapsStraysButNoKnownProcess) {
    const Tree first = Tree::start("exit 1");
    const Tree second = Tree::start("exit 2");
    ASSERT_TRUE(test::wait_readable(first.leader.pidfd.fd()));
    ASSERT_TRUE(test::wait_readable(second.leader.pidfd.fd()));
    EXPECT_THAT(reap_strays({first.leader.pid}), ElementsAre(second.leader.pid));
    EXPECT_THAT(reap_strays({first.leader.pid}), IsEmpty());
    EXPECT_EQ(to_string(test::await_death(first.leader)), "exit 1");
}

}  // namespace
}  // namespace pinion::process
