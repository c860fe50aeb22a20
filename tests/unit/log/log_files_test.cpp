// SPDX-License-Identifier: Apache-2.0
#include "log/log_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "model/limits.h"

namespace pinion::log {
namespace {

class LogFilesTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "pinion-files-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
    [[nodiscard]] std::string content(const std::string& name) const { return read_file(path(name), 1 << 20).value(); }

    std::string folder_;
    LogFiles files_;
};

TEST_F(LogFilesTest, AppendsLinesToWhatIsThere) {
    ASSERT_TRUE(write_file_atomically(path("a"), "old\n"));
    EXPECT_TRUE(files_.append(path("a"), "one"));
    EXPECT_TRUE(files_.append(path("a"), ""));
    EXPECT_TRUE(files_.append(path("b"), "two"));
    EXPECT_EQ(content("a"), "old\none\n\n");
    EXPECT_EQ(content("b"), "two\n");
}

TEST_F(LogFilesTest, MakesAFileThatOthersCantRead) {
    const auto old_mask = ::umask(0);
    EXPECT_TRUE(files_.append(path("a"), "x"));
    ::umask(old_mask);
    struct stat info{};
    ASSERT_EQ(::stat(path("a").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0640U);
}

TEST_F(LogFilesTest, WritesToTheRotatedFileUntilClosed) {
    EXPECT_TRUE(files_.append(path("a"), "one"));
    std::filesystem::rename(path("a"), path("a.1"));
    EXPECT_TRUE(files_.append(path("a"), "two"));
    files_.close_all();
    EXPECT_TRUE(files_.append(path("a"), "three"));
    EXPECT_EQ(content("a.1"), "one\ntwo\n");
    EXPECT_EQ(content("a"), "three\n");
}

TEST_F(LogFilesTest, SaysWhyALineIsLost) {
    EXPECT_EQ(files_.append("/dev/full", "x").error(),
              (Error{ENOSPC, "write to '/dev/full': no space left on device"}));
    EXPECT_EQ(files_.append(path("no/such"), "x").error().code, ENOENT);
    EXPECT_EQ(files_.append(folder_, "x").error().code, EISDIR);
}

TEST_F(LogFilesTest, NeverWaitsForAPipe) {
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    EXPECT_EQ(files_.append(path("fifo"), "x").error().code, ENXIO);  // nobody reads
    const auto reader = open_file(path("fifo"), O_RDONLY | O_NONBLOCK).value();
    Result<void> outcome;
    for (int i = 0; i < 1000 && outcome; ++i) outcome = files_.append(path("fifo"), std::string(4000, 'x'));
    EXPECT_EQ(outcome.error().code, EAGAIN);  // full
}

// A limit on the file's size tears a line as a full disk does.
TEST_F(LogFilesTest, EndsATornLineBeforeTheNext) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{.rlim_cur = 10, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto torn = files_.append(path("a"), "0123456789abc");
    const auto again = files_.append(path("a"), "lost");
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ::signal(SIGXFSZ, old_handler);
    EXPECT_EQ(torn.error().code, EFBIG);
    EXPECT_EQ(again.error().code, EFBIG);
    EXPECT_TRUE(files_.append(path("a"), "whole"));
    EXPECT_TRUE(files_.append(path("a"), "next"));
    EXPECT_EQ(content("a"), "0123456789\nwhole\nnext\n");
}

TEST_F(LogFilesTest, HoldsABoundedNumberOpen) {
    for (std::size_t i = 0; i < limits::log_open_files; ++i) ASSERT_TRUE(files_.append(path(std::to_string(i)), "x"));
    EXPECT_EQ(files_.open_count(), limits::log_open_files);
    ASSERT_TRUE(files_.append(path("one more"), "x"));
    EXPECT_EQ(files_.open_count(), 1U);
    ASSERT_TRUE(files_.append(path("0"), "y"));
    EXPECT_EQ(content("0"), "x\ny\n");
}

}  // namespace
}  // namespace pinion::log
