// SPDX-License-Identifier: Apache-2.0
// A job socket with a queue in memory behind it, in a thread of its own. Jobs are worked off at once: a number becomes
// its square, the text "fail" fails, "hold" runs and never ends by itself, "last" ends after all others of its map.
#pragma once

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "../daemon_jobs/fake_job_queue.h"
#include "base/text.h"
#include "daemon/jobs/job_server.h"

namespace pinion::daemon {

class LiveServer {
public:
    LiveServer() {
        std::string name = (std::filesystem::temp_directory_path() / "pinion-jobs-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
        std::promise<void> listening;
        auto ready = listening.get_future();
        thread_ = std::jthread([this, listening = std::move(listening)]() mutable { serve(std::move(listening)); });
        ready.wait();
    }
    ~LiveServer() {
        stop();
        std::filesystem::remove_all(folder_);
    }
    void stop() {
        if (!thread_.joinable()) return;
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(stop_.fd(), &one, sizeof one), 8);
        thread_.join();
    }
    [[nodiscard]] const std::string& folder() const { return folder_; }
    [[nodiscard]] std::string path() const { return folder_ + "/jobs.sock"; }

    std::atomic<uid_t> caller = 0;
    std::atomic<bool> working = true;
    // Of the thread that serves: to be looked at after `stop`.
    std::unique_ptr<FakeJobQueue> queue = std::make_unique<FakeJobQueue>();

private:
    void serve(std::promise<void> listening) {
        auto loop = event::Loop::make().value();
        queue->declare("squares", {.uids = {1000}, .gids = {}});
        queue->declare("lines", {}, PayloadKind::raw);
        queue->log_lines = {{1, WallTime{Duration{7}}, "a line"}};
        auto settle = loop.add_deferred(event::Priority::commands, [this] { work(); }).value();
        queue->on_later = [&settle] { settle.enable(true); };
        JobServer server(loop, *queue, {.own_uid = 990, .peer = [this](int) {
                                            return std::optional(Caller{caller.load(), {caller.load()}});
                                        }});
        EXPECT_TRUE(server.listen(path()).has_value());
        const auto stopping =
            loop.add_io(stop_.fd(), EPOLLIN, event::Priority::output, [&loop](std::uint32_t) { loop.exit(0); }).value();
        listening.set_value();
        EXPECT_TRUE(loop.run().has_value());
        queue->on_later = {};
    }
    void work() {
        queue->settle();
        if (!working) return;
        for (const JobId id : queue->waiting()) {
            const std::string input = queue->job(id.value).input;
            if (input == "\"hold\"") {
                queue->running.try_emplace(id,
                                           RunningAttempt{.number = 1, .seat = "2", .progress = 0.4, .note = "held"});
                continue;
            }
            if (input == "\"last\"") continue;
            if (input == "\"fail\"") {
                queue->end(id, "as was asked", jobs::JobState::failed);
                continue;
            }
            const auto number = parse_integer(input);
            queue->end(id, number ? std::to_string(*number * *number) : input);
        }
        for (const JobId id : queue->waiting()) {
            const auto& job = queue->job(id.value);
            const auto map = job.input == "\"last\"" ? queue->map(job.stored.map) : std::nullopt;
            if (map && map->sealed && map->unfinished == 1) queue->end(id, job.input);
        }
    }

    std::string folder_;
    UniqueFd stop_;
    std::jthread thread_;
};

}  // namespace pinion::daemon
