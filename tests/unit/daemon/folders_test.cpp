// SPDX-License-Identifier: Apache-2.0
#include "daemon/folders.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>

namespace pinion::daemon {
namespace {

using testing::HasSubstr;

class Folders : public testing::Test {
protected:
    Folders() {
        std::string pattern = "/tmp/pinion-folders-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
    }
    ~Folders() override { std::filesystem::remove_all(folder_); }
    [[nodiscard]] auto take() const { return take_folders(folder_ + "/run", folder_ + "/state"); }

    // A process that holds the lock of the runtime folder until `go_` is written to, and says that `pid` does.
    void hold(pid_t pid) {
        std::filesystem::create_directories(folder_ + "/run");
        int ready[2];
        int go[2];
        ASSERT_EQ(::pipe(ready), 0);
        ASSERT_EQ(::pipe(go), 0);
        holder_ = ::fork();
        if (holder_ == 0) {
            ::close(go[1]);
            const int lock = ::open((folder_ + "/run/lock").c_str(), O_RDWR | O_CREAT, 0644);
            const auto text = std::to_string(pid) + "\n";
            char byte = 0;
            const bool held = ::flock(lock, LOCK_EX) == 0 && ::write(lock, text.data(), text.size()) > 0;
            if (held && ::write(ready[1], &byte, 1) == 1) static_cast<void>(::read(go[0], &byte, 1));
            ::_exit(0);
        }
        char byte = 0;
        ::close(ready[1]);
        ASSERT_EQ(::read(ready[0], &byte, 1), 1);
        ::close(ready[0]);
        ::close(go[0]);
        go_ = go[1];
    }
    void let_go() {
        ::close(go_);
        ::waitpid(holder_, nullptr, 0);
    }

    std::string folder_;
    pid_t holder_ = -1;
    int go_ = -1;
};

pid_t dead_pid() {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(0);
    ::waitpid(pid, nullptr, 0);
    return pid;
}

TEST_F(Folders, AreLockedAgainstASecondDaemon) {
    const auto first = take();
    ASSERT_TRUE(first.has_value()) << first.error().message;
    const auto second = take();
    ASSERT_FALSE(second.has_value());
    EXPECT_THAT(second.error().message, HasSubstr("(pid " + std::to_string(::getpid()) + ") uses it"));
}

TEST_F(Folders, AreWaitedForWhereTheirHolderIsDeadAndAChildOfItIsNot) {
    hold(dead_pid());
    auto taken = std::async(std::launch::async, [this] { return take(); });
    EXPECT_EQ(taken.wait_for(std::chrono::milliseconds{20}), std::future_status::timeout);
    let_go();
    const auto result = taken.get();
    EXPECT_TRUE(result.has_value()) << result.error().message;
}

TEST_F(Folders, AreNotWaitedForWhileTheirHolderLives) {
    hold(::getpid());
    EXPECT_FALSE(take().has_value());
    let_go();
    EXPECT_TRUE(take().has_value());
}

}  // namespace
}  // namespace pinion::daemon
