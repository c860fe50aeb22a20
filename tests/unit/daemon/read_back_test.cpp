// SPDX-License-Identifier: Apache-2.0
// The mask that is read back after a start, where the kernel's answer is not what was asked for: as in a sandbox that
// takes masks and does not keep them, here played by a sched_getaffinity of our own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <variant>

#include "cpu/machine.h"
#include "daemon/workers.h"
#include "log/sink.h"
#include "log/writer.h"

namespace {
std::atomic<int> wrong_answers = 0;  // so many of the next questions about others are told that all CPUs are theirs
}  // namespace

// Stands in for libc's in this program.
extern "C" int sched_getaffinity(pid_t pid, size_t size, cpu_set_t* set) noexcept {
    const long length = ::syscall(SYS_sched_getaffinity, pid, size, set);
    if (length < 0) return -1;
    std::memset(reinterpret_cast<char*>(set) + length, 0, size - static_cast<std::size_t>(length));
    if (pid != 0 && wrong_answers > 0) {
        --wrong_answers;
        std::memset(set, 0xff, static_cast<std::size_t>(length));
    }
    return 0;
}

namespace pinion::daemon {
namespace {

using testing::HasSubstr;

class Deaf final : public log::Sink {
public:
    Result<void> write(const log::Record&) override { return {}; }
};

class ReadBack : public testing::Test {
protected:
    void SetUp() override {
        sigset_t child;
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_BLOCK, &child, nullptr);
        workers_.set_on_drift(
            [this](const WorkerId&, std::string sentence) { drifts_.push_back(std::move(sentence)); });
    }
    void TearDown() override {
        wrong_answers = 0;
        workers_.kill_tree({worker_});
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
    }

    // Starts a worker on one CPU of ours. The only answer that comes of it.
    supervise::Event start() {
        auto spec = std::make_shared<PoolSpec>();
        spec->name = worker_.pool;
        spec->command.argv = {"/bin/sleep", "1000"};
        const CpuSet one{cpu::read_affinity(0).value().first()};
        workers_.spawn({worker_, std::move(spec), {.cpus = one, .mask = one}});
        workers_.finish_spawns();
        EXPECT_EQ(events_.size(), 1U);
        return events_.front();
    }

    const WorkerId worker_{"web", Slot{0}, Generation{1}};
    event::Loop loop_ = event::Loop::make().value();
    log::Writer writer_{std::make_unique<Deaf>()};
    OutputServices output_{loop_, writer_, [] {}};
    std::vector<supervise::Event> events_;
    std::vector<std::string> drifts_;
    Workers workers_{loop_, output_, WorkersOptions{"/tmp", std::nullopt, {}},
                     [this](supervise::Event event) { events_.push_back(std::move(event)); }};
};

TEST_F(ReadBack, OfTheMaskThatWasAskedForIsAStart) {
    EXPECT_TRUE(std::holds_alternative<supervise::SpawnSucceeded>(start()));
    EXPECT_TRUE(drifts_.empty());
    EXPECT_NE(workers_.facts("web", Slot{0}).pid, 0);
}

TEST_F(ReadBack, OfAWiderMaskHasItSetAgainAndSaidSo) {
    wrong_answers = 1;
    EXPECT_TRUE(std::holds_alternative<supervise::SpawnSucceeded>(start()));
    ASSERT_EQ(drifts_.size(), 1U);
    EXPECT_THAT(drifts_.front(), HasSubstr("web/0: could run on CPUs '0-"));
    EXPECT_THAT(drifts_.front(), HasSubstr("pinned again"));
}

TEST_F(ReadBack, OfAMaskThatCantBeSetFailsTheStartAndEndsTheProcess) {
    wrong_answers = 1000;
    const supervise::Event answer = start();
    const auto* failed = std::get_if<supervise::SpawnFailed>(&answer);
    ASSERT_NE(failed, nullptr);
    EXPECT_EQ(failed->failure.stage, SpawnStage::read_back);
    EXPECT_THAT(to_string(failed->failure), HasSubstr("read_back '"));
    EXPECT_THAT(to_string(failed->failure), HasSubstr("the CPUs in force are '0-"));
    EXPECT_THAT(to_string(failed->failure), HasSubstr("a sandbox that does not keep masks"));
    EXPECT_EQ(workers_.facts("web", Slot{0}).pid, 0);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "no child is left";
}

}  // namespace
}  // namespace pinion::daemon
