// SPDX-License-Identifier: Apache-2.0
#include "event/loop.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "event/share.h"

namespace pinion::event {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// A pipe with one byte in it: readable at once and for ever.
Pipe readable_pipe() {
    auto pipe = make_pipe(O_NONBLOCK).value();
    EXPECT_TRUE(write_all(pipe.write.fd(), "x"));
    return pipe;
}

class LoopTest : public testing::Test {
protected:
    Loop loop_ = Loop::make().value();
    std::vector<std::string> order_;
};

// Whether what captured it was destroyed.
struct Witness {
    explicit Witness(bool* gone) : gone_(gone) {}
    Witness(Witness&& other) noexcept : gone_(std::exchange(other.gone_, nullptr)) {}
    Witness& operator=(Witness&&) = delete;
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;
    ~Witness() {
        if (gone_ != nullptr) *gone_ = true;
    }
    bool* gone_;
};

TEST_F(LoopTest, RunsUntilExitAndReturnsItsCode) {
    const auto source = loop_.add_deferred(Priority::commands, [&] { loop_.exit(7); }).value();
    EXPECT_EQ(loop_.run(), 7);
}

TEST_F(LoopTest, GivesTheEventsThatAreReady) {
    const auto pipe = readable_pipe();
    std::uint32_t seen = 0;
    const auto source = loop_
                            .add_io(pipe.read.fd(), EPOLLIN, Priority::output,
                                    [&](std::uint32_t events) {
                                        seen = events;
                                        loop_.exit(0);
                                    })
                            .value();
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_EQ(seen, EPOLLIN);
}

// Keeps the loop for as long as it would be kept by one that works hard, and gives up before the test would hang.
class Flood {
public:
    explicit Flood(Loop& loop) : loop_(loop) {}
    void operator()() {
        const auto until = MonotonicClock::now() + 1ms;
        while (MonotonicClock::now() < until) {
        }
        if (++turns_ == 500) loop_.exit(1);
    }

private:
    Loop& loop_;
    int turns_ = 0;
};

class FloodedLoop : public LoopTest {
protected:
    // That it is read twenty times at the priority of output, although something floods.
    void expect_turns_for(const Pipe& output) {
        int reads = 0;
        const auto source = loop_
                                .add_io(output.read.fd(), EPOLLIN, Priority::output,
                                        [&](std::uint32_t) {
                                            if (++reads == 20) loop_.exit(0);
                                        })
                                .value();
        EXPECT_EQ(loop_.run(), 0) << "output was read " << reads << " times";
    }
};

TEST_F(FloodedLoop, NotificationsWithoutEndTakeTurnsWithOutput) {
    const auto flooded = readable_pipe(), other = readable_pipe();
    Flood flood(loop_);
    const auto source =
        loop_.add_io(flooded.read.fd(), EPOLLIN, Priority::readiness, [&](std::uint32_t) { flood(); }).value();
    expect_turns_for(other);
}

TEST_F(FloodedLoop, SignalsWithoutEndTakeTurnsWithOutput) {
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, &old);
    const auto other = readable_pipe();
    Flood flood(loop_);
    {
        const auto source = loop_
                                .add_signal(SIGUSR2, Priority::readiness,
                                            [&](pid_t) {
                                                ::kill(::getpid(), SIGUSR2);
                                                flood();
                                            })
                                .value();
        ::kill(::getpid(), SIGUSR2);
        expect_turns_for(other);
    }
    const timespec at_once{};
    sigtimedwait(&set, nullptr, &at_once);  // the last one
    sigprocmask(SIG_SETMASK, &old, nullptr);
}

TEST(ShareTest, IsSpentByTimeTakenInAWindowAndWholeInTheNext) {
    Share share;
    const MonotonicTime start{5s};
    EXPECT_FALSE(share.is_spent(start, start + Share::most - Share::overhead)) << "as much is its own";
    EXPECT_TRUE(share.is_spent(start + 20ms, start + 21ms));
    EXPECT_TRUE(share.is_spent(start + Share::window - 1ms, start + Share::window)) << "still in the window";
    EXPECT_FALSE(share.is_spent(start + Share::window, start + Share::window + 1ms));
    EXPECT_TRUE(share.is_spent(start + 1s, start + 1s + Share::most + 1us)) << "one long turn is enough";
}

TEST_F(LoopTest, WhatFloodedIsEarlyAgainAfterwards) {
    const auto flooded = readable_pipe(), other = readable_pipe();
    const auto calm_at = MonotonicClock::now() + 2 * Share::window;
    bool is_early = false;
    const auto source = loop_
                            .add_io(flooded.read.fd(), EPOLLIN, Priority::readiness,
                                    [&](std::uint32_t) {
                                        const auto began = MonotonicClock::now();
                                        while (began < calm_at && MonotonicClock::now() < began + 1ms) {
                                        }
                                        // Twice in a row while output could be read: it has not taken turns.
                                        if (began >= calm_at + 2 * Share::window && is_early) loop_.exit(0);
                                        is_early = true;
                                        if (began >= calm_at + 20 * Share::window) loop_.exit(1);
                                    })
                            .value();
    const auto output =
        loop_.add_io(other.read.fd(), EPOLLIN, Priority::output, [&](std::uint32_t) { is_early = false; }).value();
    EXPECT_EQ(loop_.run(), 0);
}

TEST_F(LoopTest, TellsAClosedWriterAsHangUp) {
    auto pipe = make_pipe().value();
    pipe.write.reset();
    std::uint32_t seen = 0;
    const auto source = loop_.add_io(pipe.read.fd(), EPOLLIN, Priority::output, [&](std::uint32_t events) {
        seen = events;
        loop_.exit(0);
    });
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_EQ(seen, EPOLLHUP);
}

TEST_F(LoopTest, RunsReadySourcesInTheOrderOfTheirPriority) {
    const std::vector<std::pair<Priority, std::string>> shuffled{{Priority::commands, "commands"},
                                                                 {Priority::exits, "exits"},
                                                                 {Priority::output, "output"},
                                                                 {Priority::readiness, "readiness"}};
    std::vector<Pipe> pipes;
    std::vector<Source> sources(shuffled.size());
    for (std::size_t i = 0; i < shuffled.size(); ++i) {
        pipes.push_back(readable_pipe());
        const auto& [priority, name] = shuffled[i];
        const auto ran = [this, i, &name, &sources](std::uint32_t) {
            order_.push_back(name);
            sources[i].enable(false);
            if (name == "output") loop_.exit(0);
        };
        sources[i] = loop_.add_io(pipes.back().read.fd(), EPOLLIN, priority, ran).value();
    }
    auto timer = loop_.add_timer(Priority::timer, [&] { order_.emplace_back("timer"); }).value();
    timer.arm(loop_.now());
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_THAT(order_, ElementsAre("exits", "readiness", "timer", "commands", "output"));
}

TEST_F(LoopTest, ASourceMayDestroyItselfInItsCallback) {
    const auto pipe = readable_pipe();
    bool gone = false;
    bool gone_within = true;
    int runs = 0;
    std::optional<Source> source;
    source = loop_
                 .add_io(pipe.read.fd(), EPOLLIN, Priority::exits,
                         [&, witness = Witness(&gone)](std::uint32_t) {
                             ++runs;
                             source.reset();
                             gone_within = gone;  // the captures are still here
                         })
                 .value();
    const auto last = loop_.add_deferred(Priority::output, [&] { loop_.exit(0); }).value();
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_EQ(runs, 1);
    EXPECT_FALSE(gone_within);
    EXPECT_TRUE(gone);
}

TEST_F(LoopTest, ASourceMayReplaceItselfInItsCallback) {
    Source source;
    source = loop_
                 .add_deferred(Priority::exits,
                               [&] { source = loop_.add_deferred(Priority::exits, [&] { loop_.exit(3); }).value(); })
                 .value();
    EXPECT_EQ(loop_.run(), 3);
}

TEST_F(LoopTest, ASourceMayMoveInItsCallback) {
    Source source;
    Source other;
    source = loop_
                 .add_deferred(Priority::exits,
                               [&] {
                                   other = std::move(source);
                                   loop_.exit(0);
                               })
                 .value();
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_FALSE(source.valid());
    EXPECT_TRUE(other.valid());
}

TEST_F(LoopTest, ADestroyedSourceIsSilentAndItsFdCanBeClosed) {
    auto doomed_pipe = readable_pipe();
    bool doomed_ran = false;
    auto doomed =
        loop_.add_io(doomed_pipe.read.fd(), EPOLLIN, Priority::output, [&](std::uint32_t) { doomed_ran = true; });
    const auto killer = loop_.add_deferred(Priority::exits, [&] {
        doomed.value() = Source();
        doomed_pipe.read.reset();
    });
    const auto last = loop_.add_deferred(Priority::output, [&] { loop_.exit(0); });
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_FALSE(doomed_ran);
}

TEST_F(LoopTest, ATimerIsSilentUntilArmedAndFiresOnce) {
    int runs = 0;
    auto timer = loop_.add_timer(Priority::timer, [&] { ++runs; }).value();
    auto disarmed = loop_.add_timer(Priority::timer, [&] { runs += 100; }).value();
    disarmed.arm(loop_.now());
    disarmed.arm(no_deadline);
    timer.arm(MonotonicTime(-5us));  // long past: at once
    auto last = loop_.add_timer(Priority::output, [&] { loop_.exit(0); }).value();
    last.arm(loop_.now() + 1ms);
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_EQ(runs, 1);
}

TEST_F(LoopTest, ATimerMayArmItselfAgain) {
    int runs = 0;
    Source timer;
    timer = loop_
                .add_timer(Priority::timer,
                           [&] {
                               if (++runs == 3) return loop_.exit(0);
                               timer.arm(loop_.now());
                           })
                .value();
    timer.arm(loop_.now());
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_EQ(runs, 3);
}

TEST_F(LoopTest, ATimerFiresNotBeforeItsTime) {
    const auto at = loop_.now() + 2ms;
    MonotonicTime fired{};
    auto timer = loop_
                     .add_timer(Priority::timer,
                                [&] {
                                    fired = loop_.now();
                                    loop_.exit(0);
                                })
                     .value();
    timer.arm(at);
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_GE(fired, at);
}

TEST_F(LoopTest, DeliversABlockedSignalWithItsSender) {
    sigset_t set;
    sigset_t before;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &set, &before), 0);
    pid_t sender = 0;
    {
        const auto source = loop_.add_signal(SIGUSR2, Priority::commands, [&](pid_t pid) {
            sender = pid;
            loop_.exit(0);
        });
        ASSERT_TRUE(source);
        ASSERT_EQ(::kill(::getpid(), SIGUSR2), 0);
        EXPECT_EQ(loop_.run(), 0);
    }
    EXPECT_EQ(sender, ::getpid());
    ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

TEST_F(LoopTest, RefusesASignalThatIsNotBlocked) {
    const auto source = loop_.add_signal(SIGUSR2, Priority::commands, [](pid_t) {});
    EXPECT_EQ(source.error(), (Error{EBUSY, "watch signal 12: device or resource busy"}));
}

TEST_F(LoopTest, RefusesADescriptorThatIsNotOpen) {
    const auto source = loop_.add_io(99'999, EPOLLIN, Priority::output, [](std::uint32_t) {});
    EXPECT_EQ(source.error(), (Error{EBADF, "watch file descriptor 99999: bad file descriptor"}));
}

TEST_F(LoopTest, ADeferredCallRunsOnceAndAgainWhenAsked) {
    int runs = 0;
    Source deferred;
    deferred = loop_.add_deferred(Priority::exits, [&] { ++runs; }).value();
    int turns = 0;
    Source last;
    last = loop_
               .add_deferred(Priority::output,
                             [&] {
                                 if (++turns == 3) return loop_.exit(0);
                                 if (turns == 1) deferred.enable(true);
                                 last.enable(true);
                             })
               .value();
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_EQ(runs, 2);
}

TEST_F(LoopTest, AChangedMaskIsWhatIsWatched) {
    const auto pipe = readable_pipe();
    bool read_seen = false;
    auto source =
        loop_.add_io(pipe.read.fd(), EPOLLIN, Priority::exits, [&](std::uint32_t) { read_seen = true; }).value();
    source.watch(0);
    const auto last = loop_.add_deferred(Priority::output, [&] { loop_.exit(0); });
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_FALSE(read_seen);
}

TEST_F(LoopTest, TellsWhichFileOfAFolderWasWritten) {
    std::string folder = testing::TempDir() + "pinion-event-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    std::string seen;
    const auto source =
        loop_.add_inotify(folder, IN_MOVED_TO, Priority::commands, [&](std::uint32_t mask, std::string_view name) {
            EXPECT_EQ(mask & IN_MOVED_TO, IN_MOVED_TO);
            seen = name;
            loop_.exit(0);
        });
    ASSERT_TRUE(source);
    ASSERT_TRUE(write_file_atomically(folder + "/web.yaml", "x"));
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_EQ(seen, "web.yaml");
    std::filesystem::remove_all(folder);
}

TEST_F(LoopTest, NamesAFolderThatCantBeWatched) {
    const auto source =
        loop_.add_inotify("/no/such", IN_CREATE, Priority::commands, [](std::uint32_t, std::string_view) {});
    EXPECT_EQ(source.error(), (Error{ENOENT, "watch '/no/such': no such file or directory"}));
}

TEST_F(LoopTest, NowIsTheSameWithinOneTurn) {
    const auto source = loop_.add_deferred(Priority::exits, [&] {
        const auto first = loop_.now();
        while (MonotonicClock::now() - first < 50us) {
        }
        EXPECT_EQ(loop_.now(), first);
        loop_.exit(0);
    });
    EXPECT_EQ(loop_.run(), 0);
}

TEST(Source, OfNothingTakesEveryCall) {
    Source none;
    none.enable(true);
    none.arm(MonotonicTime{});
    none.watch(EPOLLIN);
    EXPECT_FALSE(none.valid());
}

TEST(Source, MayOutliveItsLoop) {
    const auto pipe = readable_pipe();
    Source source;
    {
        auto loop = Loop::make().value();
        source = loop.add_io(pipe.read.fd(), EPOLLIN, Priority::exits, [](std::uint32_t) {}).value();
        const Loop moved(std::move(loop));
    }
    EXPECT_TRUE(source.valid());
}

TEST(Loop, LeavesNoDescriptorBehind) {
    const auto count = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
    const auto before = count();
    {
        auto loop = Loop::make().value();
        auto timer = loop.add_timer(Priority::timer, [] {});
        auto watch = loop.add_inotify("/", IN_CREATE, Priority::commands, [](std::uint32_t, std::string_view) {});
        ASSERT_TRUE(timer && watch);
        const auto last = loop.add_deferred(Priority::exits, [&] { loop.exit(0); });
        EXPECT_EQ(loop.run(), 0);
        EXPECT_GT(count(), before);
    }
    EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace pinion::event
