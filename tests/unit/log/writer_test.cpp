// SPDX-License-Identifier: Apache-2.0
#include "log/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "base/fd.h"
#include "log/messages.h"

namespace pinion::log {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr auto patience = 60s;  // a bound for what must happen; no test waits so long

// What a fake sink was given, and whether its door is open; outlives sink and writer.
struct Journal {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::string> messages;
    std::vector<WallTime> times;
    sigset_t mask{};
    bool open = true;
    bool failing = false;
    int waiting = 0;    // calls before a closed door
    bool gone = false;  // the sink was destroyed

    void set_open(bool value) {
        const std::lock_guard lock(mutex);
        open = value;
        changed.notify_all();
    }
    // Until a write stands before the closed door.
    void await_waiting() {
        std::unique_lock lock(mutex);
        ASSERT_TRUE(changed.wait_for(lock, patience, [&] { return waiting > 0; }));
    }
    void await_gone() {
        std::unique_lock lock(mutex);
        ASSERT_TRUE(changed.wait_for(lock, patience, [&] { return gone; }));
    }
    std::vector<std::string> seen() {
        const std::lock_guard lock(mutex);
        return messages;
    }
};

class FakeSink final : public Sink {
public:
    explicit FakeSink(std::shared_ptr<Journal> journal) : journal_(std::move(journal)) {}
    ~FakeSink() override {
        const std::lock_guard lock(journal_->mutex);
        journal_->gone = true;
        journal_->changed.notify_all();
    }
    FakeSink(const FakeSink&) = delete;
    FakeSink& operator=(const FakeSink&) = delete;

    Result<void> write(const Record& record) override {
        std::unique_lock lock(journal_->mutex);
        ++journal_->waiting;
        journal_->changed.notify_all();
        journal_->changed.wait(lock, [&] { return journal_->open; });
        --journal_->waiting;
        pthread_sigmask(SIG_SETMASK, nullptr, &journal_->mask);
        if (journal_->failing) return fail("refused");
        journal_->messages.push_back(record.message);
        journal_->times.push_back(record.at);
        return {};
    }

private:
    std::shared_ptr<Journal> journal_;
};

Record record(std::string message, std::vector<std::pair<std::string, std::string>> fields = {}) {
    return {.message = std::move(message), .kind = nullptr, .identifier = "web", .fields = std::move(fields)};
}

class WriterTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "pinion-writer-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override {
        journal_->set_open(true);
        journal_->await_gone();  // no thread of this test meets the next
        std::filesystem::remove_all(folder_);
    }
    [[nodiscard]] std::unique_ptr<Sink> sink() const { return std::make_unique<FakeSink>(journal_); }
    // The thread stands in the sink with one record in its hands; all that follows waits in the lanes.
    void block(Writer& writer) const {
        journal_->set_open(false);
        ASSERT_TRUE(writer.lifecycle(record("in hand")));
        journal_->await_waiting();
    }

    std::shared_ptr<Journal> journal_ = std::make_shared<Journal>();  // shared with a thread that may outlive the test
    std::string folder_;
};

TEST_F(WriterTest, WritesInOrder) {
    Writer writer(sink());
    for (const char* message : {"a", "b", "c"}) EXPECT_TRUE(writer.lifecycle(record(message)));
    EXPECT_TRUE(writer.flush(patience));
    EXPECT_THAT(journal_->seen(), ElementsAre("a", "b", "c"));
}

TEST_F(WriterTest, StampsWhatHasNoTime) {
    Writer writer(sink());
    const auto before = wall_now();
    Record stamped = record("b");
    stamped.at = WallTime(5s);
    EXPECT_TRUE(writer.lifecycle(record("a")));
    EXPECT_TRUE(writer.lifecycle(std::move(stamped)));
    EXPECT_TRUE(writer.flush(patience));
    EXPECT_GE(journal_->times.at(0), before);
    EXPECT_EQ(journal_->times.at(1), WallTime(5s));
}

TEST_F(WriterTest, WritesAWorkersLastWordsBeforeItsDeath) {
    Writer writer(sink());
    block(writer);
    EXPECT_TRUE(writer.output(record("line 1")));
    EXPECT_TRUE(writer.lifecycle(record("died")));
    EXPECT_TRUE(writer.output(record("line 2")));
    journal_->set_open(true);
    EXPECT_TRUE(writer.flush(patience));
    EXPECT_THAT(journal_->seen(), ElementsAre("in hand", "line 1", "died", "line 2"));
}

TEST_F(WriterTest, LetsALifecycleRecordPassAFloodOfOutput) {
    Writer writer(sink());
    block(writer);
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(writer.output(record("flood")));
    EXPECT_TRUE(writer.lifecycle(record("died")));
    journal_->set_open(true);
    EXPECT_TRUE(writer.flush(patience));
    const auto seen = journal_->seen();
    ASSERT_EQ(seen.size(), 1002U);
    EXPECT_EQ(seen[1], "died");
}

TEST_F(WriterTest, ASinkThatHangsBlocksNobody) {
    Writer writer(sink(), 0s);
    block(writer);
    EXPECT_TRUE(writer.lifecycle(record("x")));
    EXPECT_TRUE(writer.output(record("x")));
    EXPECT_FALSE(writer.flush(1ms));
}

TEST_F(WriterTest, HoldsAsManyLinesAsTheBoundAndDropsTheNext) {
    Writer writer(sink());
    block(writer);
    for (std::size_t i = 0; i < limits::log_queue_lines; ++i) ASSERT_TRUE(writer.output(record("x")));
    EXPECT_FALSE(writer.output(record("x")));
    EXPECT_FALSE(writer.file_line(folder_ + "/f", "x"));
    EXPECT_TRUE(writer.lifecycle(record("its lane has room")));
    auto drops = writer.take_drops();
    EXPECT_EQ(drops.lines, 2U);
    EXPECT_EQ(drops.records, 0U);
    EXPECT_EQ(drops.failed, 0U);
    EXPECT_EQ(writer.take_drops().lines, 0U);
    journal_->set_open(true);
    EXPECT_TRUE(writer.flush(patience));
    EXPECT_EQ(journal_->seen().size(), limits::log_queue_lines + 2);
    EXPECT_TRUE(writer.output(record("room again")));
}

TEST_F(WriterTest, HoldsAsManyBytesAsTheBoundAndDropsTheNext) {
    Writer writer(sink());
    block(writer);
    const std::vector<std::pair<std::string, std::string>> fields{{"PINION_POOL", "web"}};
    const std::size_t label = 14;
    EXPECT_FALSE(writer.output(record(std::string(limits::log_queue_bytes - label + 1, 'x'), fields)));
    EXPECT_TRUE(writer.output(record(std::string(limits::log_queue_bytes - label, 'x'), fields)));
    EXPECT_FALSE(writer.output(record("x")));
    EXPECT_TRUE(writer.output(record("")));
    EXPECT_EQ(writer.take_drops().lines, 2U);
    journal_->set_open(true);
    EXPECT_TRUE(writer.flush(patience));
    EXPECT_TRUE(writer.output(record("x")));
}

TEST_F(WriterTest, HoldsAsManyRecordsAsTheBoundAndDropsTheNext) {
    Writer writer(sink());
    block(writer);
    for (std::size_t i = 0; i < limits::log_queue_records; ++i) ASSERT_TRUE(writer.lifecycle(record("x")));
    EXPECT_FALSE(writer.lifecycle(record("x")));
    EXPECT_TRUE(writer.output(record("its lane has room")));
    const auto drops = writer.take_drops();
    EXPECT_EQ(drops.records, 1U);
    EXPECT_EQ(drops.lines, 0U);
    journal_->set_open(true);
    EXPECT_TRUE(writer.flush(patience));
    EXPECT_EQ(journal_->seen().size(), limits::log_queue_records + 2);
}

TEST_F(WriterTest, CountsWhatTheSinkRefuses) {
    Writer writer(sink());
    journal_->failing = true;
    EXPECT_TRUE(writer.lifecycle(record("x")));
    EXPECT_TRUE(writer.output(record("x")));
    EXPECT_TRUE(writer.flush(patience));
    EXPECT_EQ(writer.take_drops().failed, 2U);
    EXPECT_EQ(writer.take_drops().failed, 0U);
}

bool readable(int descriptor) {
    pollfd wanted{descriptor, POLLIN, 0};
    return ::poll(&wanted, 1, 0) == 1;
}

TEST_F(WriterTest, TellsWhatTheSinkRefusedOnceItTakesAgain) {
    Writer writer(sink());
    const auto say = [&](bool failing) {
        journal_->failing = failing;
        EXPECT_TRUE(writer.lifecycle(record("x")));
        EXPECT_TRUE(writer.flush(patience));
        return readable(writer.failure_fd());
    };
    EXPECT_FALSE(say(false)) << "nothing is lost";
    EXPECT_FALSE(say(true)) << "the sink would refuse the report, too";
    EXPECT_FALSE(say(true));
    EXPECT_TRUE(say(false));
    writer.clear_failure();
    EXPECT_FALSE(say(false)) << "told once";
    EXPECT_EQ(writer.take_drops().failed, 2U);
}

TEST_F(WriterTest, KeepsTheOrderOfEachOfManyThreads) {
    constexpr int threads = 4;
    constexpr int each = 500;
    {
        Writer writer(sink(), patience);
        std::vector<std::thread> callers;
        for (int t = 0; t < threads; ++t)
            callers.emplace_back([&writer, t] {
                for (int i = 0; i < each; ++i)
                    EXPECT_TRUE(writer.output(record(std::to_string(t) + ":" + std::to_string(i))));
            });
        for (auto& caller : callers) caller.join();
    }
    std::vector<int> next(threads);
    for (const auto& message : journal_->seen()) {
        const auto t = static_cast<std::size_t>(message[0] - '0');
        EXPECT_EQ(message.substr(2), std::to_string(next[t]++));
    }
    EXPECT_EQ(next, std::vector<int>(threads, each));
}

TEST_F(WriterTest, WritesAllItHoldsBeforeItEnds) {
    {
        Writer writer(sink(), patience);
        for (int i = 0; i < 1000; ++i) ASSERT_TRUE(writer.output(record("x")));
        ASSERT_TRUE(writer.file_line(folder_ + "/f", "last"));
    }
    EXPECT_EQ(journal_->seen().size(), 1000U);
    EXPECT_EQ(read_file(folder_ + "/f", 100), "last\n");
    EXPECT_TRUE(journal_->gone);
}

TEST_F(WriterTest, LeavesASinkThatHangsBehindAndWritesNothingAfter) {
    {
        Writer writer(sink(), 1ms);
        block(writer);
        EXPECT_TRUE(writer.output(record("never written")));
    }
    EXPECT_FALSE(journal_->gone);
    journal_->set_open(true);
    journal_->await_gone();  // the thread ends by itself and takes the sink along
    EXPECT_THAT(journal_->seen(), ElementsAre("in hand"));
}

TEST_F(WriterTest, BlocksAllSignalsInItsThread) {
    Writer writer(sink());
    EXPECT_TRUE(writer.lifecycle(record("x")));
    EXPECT_TRUE(writer.flush(patience));
    const std::lock_guard lock(journal_->mutex);
    for (const int signal : {SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGUSR1})
        EXPECT_EQ(sigismember(&journal_->mask, signal), 1) << signal;
}

TEST_F(WriterTest, WritesLinesToFilesAndReopensThem) {
    Writer writer(sink());
    const std::string path = folder_ + "/web.log";
    EXPECT_TRUE(writer.file_line(path, "one"));
    EXPECT_TRUE(writer.flush(patience));
    std::filesystem::rename(path, path + ".1");
    writer.reopen_files();
    EXPECT_TRUE(writer.flush(patience));
    EXPECT_TRUE(writer.file_line(path, "two"));
    EXPECT_TRUE(writer.flush(patience));
    EXPECT_EQ(read_file(path + ".1", 100), "one\n");
    EXPECT_EQ(read_file(path, 100), "two\n");
    EXPECT_THAT(journal_->seen(), ElementsAre());
}

TEST_F(WriterTest, CountsLinesThatAFullDiskLost) {
    Writer writer(sink());
    EXPECT_TRUE(writer.file_line("/dev/full", "x"));
    EXPECT_TRUE(writer.file_line(folder_ + "/f", "x"));
    EXPECT_TRUE(writer.flush(patience));
    EXPECT_EQ(writer.take_drops().failed, 1U);
    EXPECT_EQ(read_file(folder_ + "/f", 100), "x\n");
}

// The system call in which the thread called "log" stands, as /proc shows it: its number and arguments. Empty while it
// runs, and where /proc doesn't tell.
std::vector<std::string> call_of_log_thread() {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        if (read_file(task.path() / "comm", 100) != "log\n") continue;
        std::ifstream call(task.path() / "syscall");
        std::vector<std::string> words{std::istream_iterator<std::string>(call), {}};
        return words.size() > 4 ? words : std::vector<std::string>();
    }
    return {};
}

TEST_F(WriterTest, SleepsWithoutATimeoutWhileThereIsNothingToDo) {
    if (!read_file("/proc/self/syscall", 1000)) GTEST_SKIP() << "this kernel does not tell system calls";
    Writer writer(sink());
    EXPECT_TRUE(writer.lifecycle(record("x")));
    EXPECT_TRUE(writer.flush(patience));
    const std::string wait_call = std::to_string(SYS_futex);
    const auto until = MonotonicClock::now() + patience;
    std::vector<std::string> call;
    // A futex call without a timeout (its fourth argument) is one that only a caller of ours can end.
    while (MonotonicClock::now() < until) {
        call = call_of_log_thread();
        if (!call.empty() && call[0] == wait_call && call[4] == "0x0") return;
        std::this_thread::yield();
    }
    FAIL() << "it stands in " << testing::PrintToString(call);
}

}  // namespace
}  // namespace pinion::log
