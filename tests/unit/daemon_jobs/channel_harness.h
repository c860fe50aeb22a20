// SPDX-License-Identifier: Apache-2.0
// A channel between a loop that is turned by hand and a worker that the test plays, on real pipes and sockets. Nothing
// sleeps: what is waited for is waited for in the loop, up to a deadline.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/jobs/worker_channel.h"

namespace pinion::daemon::testing {

using namespace std::chrono_literals;

// What the channel told, a line each, in order; answers in full beside it.
class Recorder final : public ChannelOwner {
public:
    void answered(ChannelAnswer answer) override {
        told.push_back(std::string(jobs::to_string(answer.verdict.outcome)) + " " +
                       std::to_string(answer.attempt.value));
        answers.push_back(std::move(answer));
        if (on_answer) on_answer(answers.back());
    }
    void progressed(AttemptId attempt, std::optional<double> fraction, std::string_view note) override {
        told.push_back("progress " + std::to_string(attempt.value) + " " +
                       (fraction ? std::to_string(static_cast<int>(*fraction * 100)) : "?") + " " + std::string(note));
    }
    void stray(std::string_view line, bool whole) override {
        told.push_back((whole ? "stray " : "cut ") + std::string(line));
    }
    void blocked(bool on) override { told.push_back(on ? "blocked" : "unblocked"); }
    void hung_up(bool mute) override { told.push_back(mute ? "mute" : "deaf"); }
    void broken(std::string reason) override {
        told.push_back("broken");
        reasons.push_back(std::move(reason));
    }

    std::vector<std::string> told;
    std::vector<ChannelAnswer> answers;
    std::vector<std::string> reasons;
    std::function<void(const ChannelAnswer&)> on_answer;
};

class ChannelTest : public ::testing::Test {
protected:
    ChannelTest() {
        // As in the daemon: every signal is blocked there.
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    }

    // Opens a channel and takes the worker's ends, which do not block.
    void open(JobProtocol protocol, PayloadKind payload = PayloadKind::json) {
        JobPoolSpec spec;
        spec.protocol = protocol;
        spec.payload = payload;
        auto made = open_channel(loop_, spec, owner_);
        ASSERT_TRUE(made) << made.error().message;
        channel_ = std::move(*made);
        const auto ends = channel_->child_ends();
        const bool socket = ends.frames_fd >= 0;
        worker_in_ = UniqueFd(::fcntl(socket ? ends.frames_fd : ends.stdin_fd, F_DUPFD_CLOEXEC, 0));
        worker_out_ = UniqueFd(::fcntl(socket ? ends.frames_fd : ends.stdout_fd, F_DUPFD_CLOEXEC, 0));
        for (const auto* fd : {&worker_in_, &worker_out_}) {
            ASSERT_TRUE(*fd);
            ::fcntl(fd->fd(), F_SETFL, O_NONBLOCK);
        }
        ASSERT_TRUE(channel_->started());
        turn_until_idle();
        owner_.told.clear();
    }

    void send(std::uint64_t attempt, std::string_view payload, std::optional<Duration> remaining = {}) {
        channel_->send({.attempt = AttemptId{attempt},
                        .job = JobId{attempt + 1000},
                        .number = 2,
                        .remaining = remaining,
                        .payload = payload});
    }

    // Until nothing is left to do at once.
    void turn_until_idle() {
        while (sd_event_run(loop_.raw(), 0) > 0) {
        }
    }

    // What the worker finds to read now.
    std::string worker_reads(std::size_t most = SIZE_MAX) {
        std::string text;
        char buffer[65536];
        while (text.size() < most) {
            const auto n = ::read(worker_in_.fd(), buffer, std::min(sizeof buffer, most - text.size()));
            if (n <= 0) break;
            text.append(buffer, static_cast<std::size_t>(n));
        }
        return text;
    }

    // Writes all of it, turning the loop where the pipe is full.
    void worker_writes(std::string_view text) {
        while (!text.empty()) {
            const auto n = ::write(worker_out_.fd(), text.data(), text.size());
            if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
            if (n < 0) {
                ASSERT_EQ(errno, EAGAIN);
                ASSERT_GT(sd_event_run(loop_.raw(), 10'000'000), 0) << "nobody reads";
            }
        }
        turn_until_idle();
    }

    // Takes what was told so far.
    std::vector<std::string> told() { return std::exchange(owner_.told, {}); }

    event::Loop loop_ = event::Loop::make().value();
    Recorder owner_;
    std::unique_ptr<WorkerChannel> channel_;
    UniqueFd worker_in_, worker_out_;
};

}  // namespace pinion::daemon::testing
