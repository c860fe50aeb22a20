// SPDX-License-Identifier: Apache-2.0
// A worker's pipes, written by the test.
#include "daemon/output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "log/writer.h"

namespace pinion::daemon {
namespace {

struct NoSink final : log::Sink {
    Result<void> write(const log::Record&) override { return {}; }
};

class OutputTest : public testing::Test {
protected:
    OutputTest() {
        output_.set_tap([this](std::string_view line) { lines_.emplace_back(line); });
        EXPECT_TRUE(output_.open({}));
    }
    // As many numbered lines as the pipe takes; how many those are.
    std::size_t fill(int pipe) {
        ::fcntl(pipe, F_SETFL, O_NONBLOCK);
        for (std::size_t count = 0;; ++count) {
            const std::string line = std::to_string(count) + std::string(1000, '.') + "\n";
            if (::write(pipe, line.data(), line.size()) == static_cast<ssize_t>(line.size())) continue;
            EXPECT_EQ(errno, EAGAIN);
            return count;
        }
    }

    event::Loop loop_ = event::Loop::make().value();
    log::Writer writer_{std::make_unique<NoSink>()};
    OutputServices services_{.loop = loop_, .writer = writer_, .on_drop = [] {}};
    LastLines last_lines_;
    WorkerOutput output_{services_, WorkerId{"p", Slot{0}, Generation{1}}, last_lines_, 1000};
    std::vector<std::string> lines_;
};

// A worker may give its pipe more room than it was born with, and what it wrote last matters most.
TEST_F(OutputTest, CatchesUpWithAllThatALargePipeHolds) {
    const int pipe = output_.child_fd(WorkerOutput::err);
    if (::fcntl(pipe, F_SETPIPE_SZ, 1 << 20) < (1 << 20)) GTEST_SKIP() << "pipes can't be that large here";
    const std::size_t written = fill(pipe);
    ASSERT_GT(written, 500U);
    output_.catch_up();
    EXPECT_EQ(lines_.size(), written);
    EXPECT_TRUE(lines_.back().starts_with(std::to_string(written - 1) + "."));
}

TEST_F(OutputTest, CatchesUpWithALineThatHasNoEndYet) {
    ASSERT_EQ(::write(output_.child_fd(WorkerOutput::err), "a\nb", 3), 3);
    output_.catch_up();
    EXPECT_THAT(lines_, testing::ElementsAre("a", "b"));
}

}  // namespace
}  // namespace pinion::daemon
