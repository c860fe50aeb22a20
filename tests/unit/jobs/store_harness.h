// SPDX-License-Identifier: Apache-2.0
// A store in a temporary folder, spoken to as if it answered at once.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "jobs/store_sqlite.h"

namespace pinion::jobs {

using namespace std::chrono_literals;

class ScratchFolder {
public:
    // `in_memory`: where syncing costs nothing, for what is about processes that die, not about the loss of power.
    explicit ScratchFolder(bool in_memory = false) {
        const bool there = in_memory && std::filesystem::is_directory("/dev/shm");
        std::string name =
            (there ? "/dev/shm" : std::filesystem::temp_directory_path().string()) + "/pinion-store-XXXXXX";
        path = ::mkdtemp(name.data());
    }
    ~ScratchFolder() { std::filesystem::remove_all(path); }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    std::string path;
};

class StoreDesk {
public:
    explicit StoreDesk(SqliteStoreOptions options) : StoreDesk(open_sqlite_store(options)) {}
    // Pool 0 is `thumbs`, which keeps its jobs for a week; pool 1 is `film`, for an hour.
    explicit StoreDesk(Result<std::unique_ptr<Store>> opened, Durability thumbs = Durability::fsync,
                       Durability film = Durability::os) {
        if (!opened) {
            error = opened.error().message;
            return;
        }
        store = std::move(*opened);
        declare(JobPoolId{0}, "thumbs", thumbs);
        declare(JobPoolId{1}, "film", film, 1h);
    }
    void declare(JobPoolId pool, const std::string& name, Durability durability, Duration retention = 24h * 7) {
        QueuePolicy policy;
        policy.durability = durability;
        policy.retention = retention;
        store->declare_pool(pool, name, policy);
    }
    // The next answer of that kind; others that come before are kept.
    template <class A>
    A wait() {
        const auto until = std::chrono::steady_clock::now() + 30s;
        for (;;) {
            for (auto at = answers.begin(); at != answers.end(); ++at) {
                if (auto* found = std::get_if<A>(&*at)) {
                    A answer = std::move(*found);
                    answers.erase(at);
                    return answer;
                }
            }
            if (std::chrono::steady_clock::now() > until) {
                ADD_FAILURE() << "no answer";
                return {};
            }
            pollfd ready{store->answer_fd(), POLLIN, 0};
            ::poll(&ready, 1, 1000);
            for (auto& answer : store->take_answers()) answers.push_back(std::move(answer));
        }
    }
    template <class A, class R>
    A ask(R request) {
        if constexpr (std::is_constructible_v<ReadRequest, R>)
            store->post(ReadRequest(std::move(request)));
        else
            store->post(WriteRequest(std::move(request)));
        return wait<A>();
    }
    Enqueued submit(std::vector<NewJob> jobs, std::uint64_t token = 1) {
        return ask<Enqueued>(Enqueue{token, std::move(jobs)});
    }
    JobId one(NewJob job) {
        std::vector<NewJob> jobs;
        jobs.push_back(std::move(job));
        const auto answer = submit(std::move(jobs));
        if (!answer.jobs) {
            ADD_FAILURE() << answer.jobs.error().message;
            return {};
        }
        return answer.jobs->at(0).id;
    }
    StoredJob look(JobId job) {
        const auto answer = ask<LookedUp>(LookUpJob{1, job});
        if (!answer.job || !*answer.job) {
            ADD_FAILURE() << "job " << job.value << " is not there";
            return {};
        }
        return **answer.job;
    }
    std::vector<RecoveredJob> waiting() {
        std::vector<RecoveredJob> jobs;
        maps.clear();
        const auto done = store->recover(std::nullopt, {.queue = [](const RecoveredQueue&) {},
                                                        .map = [&](const RecoveredMap& map) { maps.push_back(map); },
                                                        .job = [&](const RecoveredJob& job) { jobs.push_back(job); }});
        if (!done) ADD_FAILURE() << done.error().message;
        return jobs;
    }

    std::unique_ptr<Store> store;
    std::string error;
    std::deque<StoreAnswer> answers;
    std::vector<RecoveredMap> maps;
};

// Holds the committing thread before its commit, as a disk does that takes its time.
class SlowCommits {
public:
    void wait() {
        std::unique_lock lock(mutex_);
        const std::uint64_t mine = ++begun_;
        changed_.notify_all();
        changed_.wait(lock, [this, mine] { return open_ || mine <= let_go_; });
    }
    void let_go() {
        const std::scoped_lock lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void let_go_of_one() {
        const std::scoped_lock lock(mutex_);
        ++let_go_;
        changed_.notify_all();
    }
    // Until the n-th is held: what is posted from here on queues behind it.
    void until_held(std::uint64_t n) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this, n] { return begun_ >= n; });
    }
    // Transactions that came so far, held or not.
    [[nodiscard]] std::uint64_t begun() {
        const std::scoped_lock lock(mutex_);
        return begun_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t begun_ = 0;
    std::uint64_t let_go_ = 0;
    bool open_ = false;
};

// Its first attempt, by the worker of slot 3, went well.
inline NoteFinish done(JobId job, std::string result = "42") {
    return {.job = job, .attempt = {.number = 1, .slot = 3, .detail = "{}"}, .result = std::move(result), .pushes = {}};
}

inline std::size_t files_in(const std::string& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace pinion::jobs
