// SPDX-License-Identifier: Apache-2.0
// Crash points, as store_crash_test.cpp has them, with the host above the store and a worker: what a SIGKILL at the
// n-th point leaves is a copy of the folder, for n = 1, 2, 3 … until a life never reaches n. Its successor ends
// everything that was acknowledged, each once.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

#include "../jobs/store_harness.h"
#include "disk_host.h"

namespace pinion::daemon::testing {
namespace {

using jobs::JobState;

// What the worker makes of them is in Life::work.
const std::vector<std::string> inputs{"plain", "push", "error", "crash", "large"};

// What was said to clients, by input.
struct Told {
    std::map<std::string, JobId> submitted;
    std::map<std::string, std::string> results;
};

std::string member(const std::string& line, const std::string& name) {
    const auto at = line.find('"' + name + "\":") + name.size() + 3;
    return line.substr(at, line.find_first_of(",}", at) - at);
}

class Life : public JobListener {
public:
    Life(const std::string& folder, std::uint64_t nonce, std::function<void(jobs::StorePoint)> hook = {})
        : host_(folder, std::move(hook), nonce) {
        JobPoolSpec spec;
        spec.job.delay = 0s;
        spec.prefetch = 2;
        pool_ = host_.declare(spec);
    }
    ~Life() override { host_.host.forget(*this); }

    // A client that asks for all inputs, each by its key, and listens.
    void ask() {
        for (const std::string& input : inputs) {
            JobOrder order{.pool = pool_};
            order.inputs = {'"' + input + (input == "large" ? std::string(5000, '!') : "") + '"'};
            order.keys = {input};
            host_.host.submit(std::move(order), [this, input](const Answer<std::vector<jobs::PlacedJob>>& placed) {
                ASSERT_TRUE(placed);
                listen(input, placed->at(0).id);
                const std::scoped_lock lock(mutex);
                told.submitted[input] = placed->at(0).id;
            });
        }
    }
    void listen(const std::string& input, JobId job) {
        inputs_of_[job] = input;
        host_.host.listen(job, *this);
    }
    JobState state(JobId job) { return host_.state(job); }
    template <class Ready>
    void work_until(Ready&& ready) {
        if (!worker_) worker_ = host_.arrive(++generation_);
        host_.until([&] {
            while (sd_event_run(host_.loop.raw(), 0) > 0) {
            }
            work();
            return ready();
        });
    }
    // Whether no job is left, to be asked when all is done that can be done at once.
    [[nodiscard]] bool is_idle() const {
        const auto view = host_.host.queue(pool_);
        return view && view->ready + view->delayed + view->running + view->sent + view->finishing == 0;
    }
    std::vector<jobs::StoredJob> all() {
        std::optional<std::vector<jobs::StoredJob>> jobs;
        host_.host.list({.limit = 1000}, [&](Answer<JobPage> page) { jobs = std::move(page->jobs); });
        host_.until([&] { return jobs.has_value(); });
        return *jobs;
    }

    void job_ended(const JobEnd& end) override {
        const std::scoped_lock lock(mutex);
        EXPECT_TRUE(told.results.emplace(inputs_of_.at(end.job), end.result).second) << "it has ended before";
    }
    void map_settled(const jobs::MapSettled&) override {}
    void store_stopped(const std::string& why) override { ADD_FAILURE() << why; }

    Told told;
    std::set<std::string> executed;  // inputs
    std::mutex mutex;                // of `told`, which the death copies

private:
    // Answers what it is given; at its first attempt "error" asks to be tried again, and "crash" ends the worker.
    void work() {
        unread_ += worker_->reads();
        for (auto end = unread_.find('\n'); end != std::string::npos; end = unread_.find('\n')) {
            const std::string line = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            const std::string quoted = member(line, "input");
            const std::string input = quoted.substr(1, quoted.find_first_of("!\"", 1) - 1);
            const bool first = member(line, "attempt") == "1";
            executed.insert(input);
            if (input == "crash" && first) return crash();
            std::string answer = R"("result":"of )" + input + '"';
            if (input == "error" && first) answer = R"("error":{"type":"Busy","message":"not now"})";
            if (input == "push") answer = R"("result":1,"push":[{"pool":"p","input":"next"}])";
            if (input == "large") answer = R"("result":")" + std::string(5000, '?') + '"';
            worker_->writes("{\"id\":" + member(line, "id") + ',' + answer + "}\n");
        }
    }
    void crash() {
        unread_.clear();
        host_.host.drain(worker_->id);
        host_.host.died(worker_->id, Death{.cause = Death::Cause::signaled, .status = SIGKILL});
        host_.host.gone(worker_->id);
        worker_ = host_.arrive(++generation_);
    }

    DiskHost host_;
    JobPoolId pool_;
    std::optional<Player> worker_;
    std::uint64_t generation_ = 0;
    std::string unread_;
    std::map<JobId, std::string> inputs_of_;
};

// A file is written before its row is, so it is copied after it.
void copy_folder(const std::string& from, const std::string& to) {
    namespace fs = std::filesystem;
    fs::create_directory(to);
    for (const char* name : {"/jobs.db", "/jobs.db-wal"}) fs::copy_file(from + name, to + name);
    fs::copy(from + "/spool", to + "/spool");
}

// Lives until the n-th point: what was told then. Nothing where it never came to it, and has ended all.
std::optional<Told> live(const std::string& from, const std::string& to, std::uint64_t n) {
    std::atomic<Life*> life = nullptr;
    std::mutex mutex;
    std::uint64_t points = 0;
    std::optional<Told> at_death;
    std::atomic<bool> dead = false;
    Life first(from, n, [&](jobs::StorePoint) {
        const std::scoped_lock lock(mutex);
        if (++points != n) return;
        {
            const std::scoped_lock told(life.load()->mutex);
            at_death = life.load()->told;
        }
        copy_folder(from, to);
        dead = true;
    });
    life = &first;
    first.ask();
    first.work_until([&] { return dead || (first.told.results.size() == inputs.size() && first.is_idle()); });
    const std::scoped_lock lock(mutex);
    return at_death;
}

void check_successor(const std::string& folder, const Told& before, std::uint64_t n) {
    SCOPED_TRACE("point " + std::to_string(n));
    Life next(folder, 1'000'000 + n);
    std::set<std::string> over;  // jobs whose end is on record
    for (const auto& [input, job] : before.submitted) {
        if (jobs::is_final(next.state(job))) over.insert(input);
        next.listen(input, job);
    }
    for (const auto& [input, result] : before.results) EXPECT_TRUE(over.contains(input)) << input << ": " << result;
    next.work_until([&] { return next.is_idle(); });
    for (const auto& [input, job] : before.submitted) {
        EXPECT_EQ(next.state(job), JobState::done) << input;
        EXPECT_NE(next.told.results.contains(input), over.contains(input)) << input << ": now, or before";
        EXPECT_NE(next.executed.contains(input), over.contains(input)) << input;
    }
    // Whoever was not told asks again, and everybody may.
    next.told = {};
    next.ask();
    next.work_until([&] { return next.told.submitted.size() == inputs.size() && next.is_idle(); });
    for (const auto& [input, job] : before.submitted) EXPECT_EQ(next.told.submitted.at(input), job) << input;
    const auto all = next.all();
    EXPECT_EQ(all.size(), inputs.size() + 1) << "each once, and the one that is pushed";
    for (const jobs::StoredJob& job : all) EXPECT_EQ(job.state, JobState::done) << job.id.value;
}

TEST(HostDeaths, WhateverThePointTheSuccessorEndsAllThatWasAcknowledgedOnce) {
    std::uint64_t n = 1;
    for (;; ++n) {
        const jobs::ScratchFolder folder(true);
        std::filesystem::create_directory(folder.path + "/a");
        const auto before = live(folder.path + "/a", folder.path + "/b", n);
        if (!before || HasFailure()) break;
        check_successor(folder.path + "/b", *before, n);
    }
    EXPECT_TRUE(HasFailure() || n > 20) << "the life has become too short to prove anything";
    RecordProperty("points", std::to_string(n));
}

}  // namespace
}  // namespace pinion::daemon::testing
