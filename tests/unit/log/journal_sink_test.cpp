// SPDX-License-Identifier: Apache-2.0
#include "log/journal_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "log/journal_stream.h"
#include "log/messages.h"
#include "log/sink.h"

namespace pinion::log {
namespace {

using testing::ElementsAre;

bool journal_is_here() { return ::access("/run/systemd/journal", F_OK) == 0; }

TEST(JournalFields, OfALifecycleRecordNameItsKind) {
    const Record record{.priority = Priority::warning,
                        .message = "web/3: exit 1",
                        .kind = &messages::worker_died,
                        .identifier = "piniond",
                        .fields = {{"PINION_POOL", "web"}, {"EXIT_STATUS", "1"}}};
    EXPECT_THAT(journal_fields(record), ElementsAre("PRIORITY=4", "MESSAGE=web/3: exit 1", "SYSLOG_IDENTIFIER=piniond",
                                                    "MESSAGE_ID=" + std::string(messages::worker_died.message_id),
                                                    "PINION_EVENT=worker-died", "PINION_POOL=web", "EXIT_STATUS=1"));
}

TEST(JournalFields, OfOutputHaveNoMessageId) {
    const Record record{.message = "hello", .kind = nullptr, .identifier = "web", .fields = {}};
    EXPECT_THAT(journal_fields(record), ElementsAre("PRIORITY=6", "MESSAGE=hello", "SYSLOG_IDENTIFIER=web"));
}

TEST(JournalFields, KeepEveryByte) {
    const std::string bytes("a\nb\0=\xff", 6);
    const Record record{
        .message = bytes, .kind = nullptr, .identifier = "web", .fields = {{"PINION_LAST_LINES", "x\ny"}}};
    EXPECT_THAT(journal_fields(record),
                ElementsAre("PRIORITY=6", "MESSAGE=" + bytes, "SYSLOG_IDENTIFIER=web", "PINION_LAST_LINES=x\ny"));
}

TEST(JournalSink, SaysThatThereIsNoJournal) {
    if (journal_is_here()) GTEST_SKIP() << "this machine has a journal";
    EXPECT_EQ(make_journal_sink()->write({.message = "x"}).error(),
              (Error{ENOENT, "send to the journal: no such file or directory"}));
}

TEST(JournalStreamHeader, NamesTheWorkerAndItsPriorityInSevenLines) {
    EXPECT_EQ(journal_stream_header("web", Priority::warning), "web\n\n4\n1\n0\n0\n0\n");
    EXPECT_EQ(journal_stream_header("a\nb", Priority::info), "a b\n\n6\n1\n0\n0\n0\n");
}

TEST(StderrIsJournal, WhereTheVariableNamesIt) {
    struct stat info{};
    ASSERT_EQ(::fstat(STDERR_FILENO, &info), 0);
    const std::string device = std::to_string(info.st_dev) + ":";
    ::setenv("JOURNAL_STREAM", (device + std::to_string(info.st_ino)).c_str(), 1);
    EXPECT_TRUE(stderr_is_journal());
    ::setenv("JOURNAL_STREAM", (device + std::to_string(info.st_ino + 1)).c_str(), 1);
    EXPECT_FALSE(stderr_is_journal());
    ::setenv("JOURNAL_STREAM", "nonsense", 1);
    EXPECT_FALSE(stderr_is_journal());
    ::unsetenv("JOURNAL_STREAM");
    EXPECT_FALSE(stderr_is_journal());
}

}  // namespace
}  // namespace pinion::log
