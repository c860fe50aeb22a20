// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace pinion {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

class Folder : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "pinion-base-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    [[nodiscard]] std::string path(const char* name) const { return folder_ + "/" + name; }
    [[nodiscard]] std::size_t entries() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
    }
    std::string folder_;
};

TEST(UniqueFd, ClosesWhatItHeldWhenAssignedOver) {
    auto pipe = make_pipe().value();
    const int read_end = pipe.read.fd();
    const int write_end = pipe.write.fd();
    pipe.read = std::move(pipe.write);
    EXPECT_FALSE(is_open(read_end));
    EXPECT_TRUE(is_open(write_end));
    EXPECT_EQ(pipe.read.fd(), write_end);
    EXPECT_FALSE(pipe.write.valid());
}

TEST(UniqueFd, SurvivesAssignmentToItself) {
    auto pipe = make_pipe().value();
    const int fd = pipe.read.fd();
    UniqueFd& same = pipe.read;
    pipe.read = std::move(same);
    EXPECT_EQ(pipe.read.fd(), fd);
    EXPECT_TRUE(is_open(fd));
}

TEST(UniqueFd, ClosesOnceAtItsEnd) {
    int fd = -1;
    {
        auto pipe = make_pipe().value();
        fd = pipe.read.fd();
        const UniqueFd moved(std::move(pipe.read));
        EXPECT_TRUE(is_open(fd));
    }
    EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, ReleaseGivesTheDescriptorUpUnclosed) {
    auto pipe = make_pipe().value();
    const UniqueFd mine(pipe.read.release());
    EXPECT_FALSE(pipe.read);
    pipe.read.reset();
    EXPECT_TRUE(is_open(mine.fd()));
}

TEST(UniqueFd, LeavesErrnoAlone) {
    UniqueFd bad(99'999);  // not open: close fails with EBADF
    errno = ENOENT;
    bad.reset();
    EXPECT_EQ(errno, ENOENT);
}

TEST(UniqueFd, IsBornWithCloexec) {
    const auto pipe = make_pipe(O_NONBLOCK).value();
    for (const int fd : {pipe.read.fd(), pipe.write.fd()}) {
        EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
        EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    }
    const auto file = open_file("/dev/null", O_RDONLY).value();
    EXPECT_NE(::fcntl(file.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(OpenFile, NamesThePathThatIsMissing) {
    const auto missing = open_file("/no/such/file", O_RDONLY);
    EXPECT_EQ(missing.error(), (Error{ENOENT, "open '/no/such/file': no such file or directory"}));
}

TEST_F(Folder, AFileIsReadUpToItsBoundAndRefusedOneByteLater) {
    ASSERT_TRUE(write_file_atomically(path("f"), std::string(40'000, 'x')));
    EXPECT_EQ(read_file(path("f"), 40'000).value().size(), 40'000U);
    const auto refused = read_file(path("f"), 39'999);
    EXPECT_EQ(refused.error().code, EFBIG);
    EXPECT_EQ(refused.error().message, "read '" + path("f") + "': file too large");
}

TEST_F(Folder, AnEmptyFileIsReadWithinABoundOfNothing) {
    ASSERT_TRUE(write_file_atomically(path("f"), ""));
    EXPECT_EQ(read_file(path("f"), 0), "");
}

TEST(ReadFile, ReadsFilesWhoseSizeSaysNothing) {
    EXPECT_NE(read_file("/proc/self/status", 1 << 20).value().find("Pid:"), std::string::npos);
    EXPECT_EQ(read_file("/dev/zero", 100'000).error().code, EFBIG);
}

TEST(ReadFile, NamesAFolderThatCantBeRead) {
    EXPECT_EQ(read_file("/", 10).error(), (Error{EISDIR, "read '/': is a directory"}));
}

TEST_F(Folder, AnAtomicWriteReplacesTheFileAndLeavesNothingBeside) {
    ASSERT_TRUE(write_file_atomically(path("f"), "old", 0600));
    ASSERT_TRUE(write_file_atomically(path("f"), "new", 0600));
    EXPECT_EQ(read_file(path("f"), 100), "new");
    EXPECT_EQ(entries(), 1U);
    struct stat info{};
    ASSERT_EQ(::stat(path("f").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(Folder, AnAtomicWriteOntoAFolderFailsAndLeavesNothingBeside) {
    ASSERT_EQ(::mkdir(path("d").c_str(), 0700), 0);
    const auto failed = write_file_atomically(path("d"), "x");
    EXPECT_EQ(failed.error().code, EISDIR);
    EXPECT_EQ(entries(), 1U);
}

TEST_F(Folder, AnAtomicWriteDoesNotFollowAPlantedLink) {
    ASSERT_TRUE(write_file_atomically(path("victim"), "safe"));
    ASSERT_EQ(::symlink(path("victim").c_str(), path("f.new").c_str()), 0);
    EXPECT_EQ(write_file_atomically(path("f"), "x").error().code, ELOOP);
    EXPECT_EQ(read_file(path("victim"), 100), "safe");
}

TEST(WriteAll, SaysWhyItFailed) {
    const auto full = open_file("/dev/full", O_WRONLY).value();
    EXPECT_EQ(write_all(full.fd(), "x").error(), (Error{ENOSPC, "write: no space left on device"}));
    EXPECT_TRUE(write_all(full.fd(), ""));
}

TEST(WriteAll, WritesAPipeFullInPieces) {
    const auto pipe = make_pipe(O_NONBLOCK).value();
    EXPECT_EQ(write_all(pipe.write.fd(), std::string(1 << 20, 'x')).error().code, EAGAIN);
    EXPECT_TRUE(is_open(pipe.write.fd()));
}

}  // namespace
}  // namespace pinion
