// SPDX-License-Identifier: Apache-2.0
// Journals with entries are read in the system tests, where a journald writes them.
#include "log/journal_reader.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pinion::log {
namespace {

using namespace std::chrono_literals;

class JournalReaderTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "pinion-journal-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::string folder_;
};

TEST_F(JournalReaderTest, FindsNothingInAnEmptyFolder) {
    for (const std::size_t last : {0U, 1U, 10U}) {
        auto reader = JournalReader::open({.pool = "web", .slot = 3, .last = last, .folder = folder_});
        ASSERT_TRUE(reader) << reader.error().message;
        for (int i = 0; i < 3; ++i) {
            const auto entry = reader->next();
            ASSERT_TRUE(entry) << entry.error().message;
            EXPECT_FALSE(*entry);
        }
    }
}

TEST_F(JournalReaderTest, WaitsAtMostTheTimeout) {
    auto reader = JournalReader::open({.pool = "web", .slot = {}, .folder = folder_}).value();
    EXPECT_TRUE(reader.wait(1h));  // the first looks again at once
    EXPECT_TRUE(reader.wait(1ms));
    EXPECT_TRUE(reader.wait(0ms));
    EXPECT_TRUE(reader.wait(-1ms));
}

TEST_F(JournalReaderTest, ANewFileEndsTheWait) {
    auto reader = JournalReader::open({.pool = "web", .slot = {}, .folder = folder_}).value();
    ASSERT_TRUE(reader.wait(1h));
    std::ofstream(folder_ + "/junk.journal") << "junk";
    EXPECT_TRUE(reader.wait(1h));
    EXPECT_EQ(reader.next().value(), std::nullopt);
}

TEST_F(JournalReaderTest, ASignalEndsTheWait) {
    auto reader = JournalReader::open({.pool = "web", .slot = {}, .folder = folder_}).value();
    ASSERT_TRUE(reader.wait(1h));
    struct sigaction action{};
    struct sigaction before{};
    action.sa_handler = [](int) {};
    ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
    // The timer goes on firing, so that one signal before the wait does not hang the test.
    const itimerval every{.it_interval = {0, 1000}, .it_value = {0, 1000}};
    const itimerval never{};
    ASSERT_EQ(::setitimer(ITIMER_REAL, &every, nullptr), 0);
    const auto interrupted = reader.wait(1h);
    ASSERT_EQ(::setitimer(ITIMER_REAL, &never, nullptr), 0);
    ASSERT_EQ(::sigaction(SIGALRM, &before, nullptr), 0);
    EXPECT_EQ(interrupted.error(), (Error{EINTR, "watch the journal: interrupted system call"}));
}

TEST_F(JournalReaderTest, SaysThatAFolderIsMissing) {
    const auto reader = JournalReader::open({.pool = "web", .slot = {}, .folder = folder_ + "/no"});
    EXPECT_EQ(reader.error(), (Error{ENOENT, "open the journal in '" + folder_ + "/no': no such file or directory"}));
}

TEST_F(JournalReaderTest, SkipsAFileThatIsNoJournal) {
    std::ofstream(folder_ + "/system.journal") << std::string(100'000, 'x');
    auto reader = JournalReader::open({.pool = "web", .slot = {}, .folder = folder_});
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_EQ(reader->next().value(), std::nullopt);
}

TEST(JournalReader, SaysThatTheSystemHasNoJournal) {
    for (const char* folder : {"/var/log/journal", "/run/log/journal"}) {
        std::error_code unreadable;
        const bool empty = std::filesystem::is_empty(folder, unreadable);
        if (!empty && !unreadable) GTEST_SKIP() << "this machine has a journal";
        // An ordinary user can't tell an empty journal from one that is closed to him.
        if (::geteuid() != 0 && std::filesystem::exists(folder, unreadable))
            GTEST_SKIP() << "a folder for a journal is here";
    }
    const auto reader = JournalReader::open({.pool = "web", .slot = {}, .folder = {}});
    EXPECT_EQ(reader.error().message,
              "read the journal: there is none on this system; piniond writes to its stderr then");
}

}  // namespace
}  // namespace pinion::log
