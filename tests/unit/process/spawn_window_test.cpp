// SPDX-License-Identifier: Apache-2.0
#include "process/spawn_window.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <deque>
#include <vector>

#include "harness.h"
#include "tests/hung_mount.h"

namespace pinion::process {
namespace {

TEST(SpawnWindow, FinishesInTheOrderOfTheBeginnings) {
    prepare_spawning();
    std::vector<Pipe> pipes;
    std::deque<ImageBuffer> images;  // which stay where they are
    SpawnWindow window;
    while (!window.full()) {
        pipes.push_back(make_pipe().value());
        images.push_back(
            test::image_of(test::spec_of({"/bin/echo", std::to_string(images.size())}), pipes.back().write.fd()));
        window.begin(images.back().image(), -1);
    }
    ASSERT_GT(images.size(), 1U);
    for (std::size_t i = 0; i < images.size(); ++i) {
        const auto child = window.finish();
        ASSERT_TRUE(child);
        pipes[i].write.reset();
        EXPECT_EQ(test::read_to_end(pipes[i].read.fd()), std::to_string(i) + "\n");
        EXPECT_EQ(to_string(test::await_death(*child)), "exit 0");
    }
    EXPECT_TRUE(window.empty());
}

TEST(SpawnWindow, TellsOneFailureAmongSuccesses) {
    const ImageBuffer good = test::image_of(test::spec_of({"/bin/true"}));
    const ImageBuffer bad = test::image_of(test::spec_of({"/nonexistent"}));
    SpawnWindow window;
    window.begin(good.image(), -1);
    window.begin(bad.image(), -1);
    window.begin(good.image(), -1);
    const auto first = window.finish();
    const auto second = window.finish();
    const auto third = window.finish();
    ASSERT_TRUE(first);
    ASSERT_TRUE(third);
    EXPECT_EQ(second.error(), (SpawnFailure{SpawnStage::exec, ENOENT, "/nonexistent"}));
    EXPECT_EQ(to_string(test::await_death(*first)), "exit 0");
    EXPECT_EQ(to_string(test::await_death(*third)), "exit 0");
}

TEST(SpawnWindow, KillsWhoeverDoesNotGetToItsProgram) {
    std::string folder = testing::TempDir() + "/pinion-hung-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    {
        const pinion::test::HungMount hung(folder);
        if (!hung.mounted()) GTEST_SKIP() << "needs root and FUSE";
        prepare_spawning();
        const ImageBuffer good = test::image_of(test::spec_of({"/bin/true"}));
        const ImageBuffer stuck = test::image_of(test::spec_of({hung.path("worker")}));
        SpawnWindow window(std::chrono::milliseconds(50));
        window.begin(stuck.image(), -1);
        window.begin(good.image(), -1);
        const auto first = window.finish();
        const auto second = window.finish();
        ASSERT_FALSE(first);
        EXPECT_EQ(first.error(), (SpawnFailure{SpawnStage::exec, ETIMEDOUT, hung.path("worker")}));
        ASSERT_TRUE(second);
        EXPECT_EQ(to_string(test::await_death(*second)), "exit 0");
        EXPECT_LT(::waitpid(-1, nullptr, WNOHANG), 0) << "something is left";
    }
    ::rmdir(folder.c_str());
}

TEST(SpawnWindow, LeavesNothingOverAThousandStarts) {
    prepare_spawning();
    const ImageBuffer good = test::image_of(test::spec_of({"/bin/true"}));
    const ImageBuffer bad = test::image_of(test::spec_of({"/nonexistent"}));
    const auto before = test::open_descriptors();
    {
        SpawnWindow window;
        const auto finish = [&window] {
            const auto child = window.finish();
            if (!child) return;
            EXPECT_EQ(to_string(test::await_death(*child)), "exit 0");
        };
        for (int i = 0; i < 1000; ++i) {
            if (window.full()) finish();
            window.begin(i % 3 == 0 ? bad.image() : good.image(), -1);
        }
        while (!window.empty()) finish();
    }
    EXPECT_EQ(test::open_descriptors(), before);
}

TEST(SpawnWindow, StartsInTurnWhatMayNotOverlap) {
    PoolSpec scored = test::script_of("exec cat /proc/self/oom_score_adj");
    scored.oom_score_adj = 100;
    const ImageBuffer plain = test::image_of(test::spec_of({"/bin/true"}));
    auto pipe = make_pipe().value();
    const ImageBuffer image = test::image_of(scored, pipe.write.fd());
    const auto own_before = read_file("/proc/self/oom_score_adj", 100).value();
    SpawnWindow window;
    window.begin(plain.image(), -1);
    window.begin(image.image(), -1);
    const auto first = window.finish();
    const auto second = window.finish();
    pipe.write.reset();
    ASSERT_TRUE(first && second);
    EXPECT_EQ(test::read_to_end(pipe.read.fd()), "100\n");
    EXPECT_EQ(read_file("/proc/self/oom_score_adj", 100).value(), own_before);
    EXPECT_EQ(to_string(test::await_death(*first)), "exit 0");
    EXPECT_EQ(to_string(test::await_death(*second)), "exit 0");
}

// "Dumpable" again while a child with a user's ids still shares our memory, and that user could read it.
TEST(SpawnWindow, IsDumpableAgainOnlyWhenNobodyIsOnTheWay) {
    if (!test::is_root()) GTEST_SKIP() << "only root can become another user";
    ASSERT_EQ(::prctl(PR_GET_DUMPABLE), 1);
    PoolSpec other = test::spec_of({"/bin/true"});
    other.identity = Identity{"nobody", "/", 65534, 65534, {}};
    const ImageBuffer image = test::image_of(other);
    SpawnWindow window;
    window.begin(image.image(), -1);
    window.begin(image.image(), -1);
    const auto first = window.finish();
    EXPECT_NE(::prctl(PR_GET_DUMPABLE), 1);
    const auto second = window.finish();
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 1);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(to_string(test::await_death(*first)), "exit 0");
    EXPECT_EQ(to_string(test::await_death(*second)), "exit 0");
}

TEST(SpawnWindow, LeavesWhoIsOnTheWayRunningAtItsEnd) {
    auto pipe = make_pipe().value();
    const ImageBuffer image = test::image_of(test::spec_of({"/bin/echo", "alive"}), pipe.write.fd());
    {
        SpawnWindow window;
        window.begin(image.image(), -1);
    }
    pipe.write.reset();
    EXPECT_EQ(test::read_to_end(pipe.read.fd()), "alive\n");
}

}  // namespace
}  // namespace pinion::process
