// SPDX-License-Identifier: Apache-2.0
// A host of job pools with a loop that is turned by hand, a store whose writes can be held back, and workers that the
// test plays.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/jobs/job_host.h"
#include "jobs/store_memory.h"
#include "jobs/store_threads.h"

namespace pinion::daemon::testing {

// The store in memory behind a gate: while it is shut, writes wait in front of it, as they do before a slow disk.
class GatedStore final : public jobs::Store {
public:
    GatedStore() : memory_(std::move(*jobs::MemoryStore::open({}))) { EXPECT_TRUE(box_.open()); }

    void declare_pool(JobPoolId pool, const std::string& name, const QueuePolicy& policy) override {
        memory_->declare_pool(pool, name, policy);
    }
    Result<void> recover(std::optional<JobPoolId> only, const jobs::RecoveryVisitor& visitor) override {
        return memory_->recover(only, visitor);
    }
    void post(jobs::WriteRequest request) override {
        if (std::holds_alternative<jobs::NoteClaim>(request)) ++claims_;
        if (std::holds_alternative<jobs::Expire>(request)) ++expiries_;
        if (const auto* drop = std::get_if<jobs::DropMap>(&request)) dropped_.push_back(drop->map);
        if (shut_) return held_.push_back(std::move(request));
        memory_->post(std::move(request));
        box_.put(memory_->take_answers());
    }
    void post(jobs::ReadRequest request) override {
        if (reads_shut_) return held_reads_.push_back(std::move(request));
        if (const auto* find = std::get_if<jobs::FindMap>(&request); find != nullptr && !why_no_maps_.empty())
            return box_.put(jobs::MapFound{find->token, std::unexpected(Error{EIO, why_no_maps_})});
        memory_->post(std::move(request));
        box_.put(memory_->take_answers());
    }
    std::optional<std::string_view> input_at_hand(JobId job) override {
        return at_hand_ ? memory_->input_at_hand(job) : std::nullopt;
    }
    bool has_room() const override { return true; }
    std::vector<jobs::StoreAnswer> take_answers() override { return box_.take(); }
    int answer_fd() const override { return box_.fd(); }
    jobs::StoreHealth health() const override { return health_; }

    void shut() { shut_ = true; }
    // Everything that waited is written and answered at once.
    void open() {
        shut_ = false;
        for (auto& request : std::exchange(held_, {})) memory_->post(std::move(request));
        box_.put(memory_->take_answers());
    }
    // The ends that waited push to a disk that has stopped; all else is written.
    void open_without_pushes() {
        for (auto& request : held_) {
            auto* end = std::get_if<jobs::NoteFinish>(&request);
            if (end == nullptr || end->pushes.empty()) continue;
            const JobPoolId to = end->pushes.front().pool;
            end->pushes.clear();
            box_.put(jobs::PushesRefused{std::move(*end), to});
            request = jobs::Flush{};
        }
        open();
    }
    // Inputs are in memory, not on disk.
    void have_at_hand() { at_hand_ = true; }
    // Reads wait, too, as they do behind those of others.
    void shut_reads() { reads_shut_ = true; }
    // The first `count` payloads that waited can't be read, with EMFILE for now; all others are.
    void open_reads(std::size_t count = 0, int code = EMFILE) {
        reads_shut_ = false;
        for (auto& request : std::exchange(held_reads_, {})) {
            const auto* fetch = std::get_if<jobs::FetchPayload>(&request);
            if (fetch == nullptr || count == 0) {
                post(std::move(request));
                continue;
            }
            --count;
            box_.put(jobs::Fetched{fetch->token, std::unexpected(Error{code, "read"})});
        }
    }
    void refuse_maps(std::string why) { why_no_maps_ = std::move(why); }
    void become(jobs::StoreHealth health) {
        health_ = std::move(health);
        box_.put(health_);
    }
    [[nodiscard]] std::size_t claims() const { return claims_; }
    // How often it was told to forget what is past its retention.
    [[nodiscard]] std::size_t expiries() const { return expiries_; }
    [[nodiscard]] const std::vector<MapId>& dropped() const { return dropped_; }
    [[nodiscard]] std::size_t held() const { return held_.size(); }
    // Jobs that wait in front of it to be queued with the ends of others.
    [[nodiscard]] std::size_t held_pushes() const {
        std::size_t pushes = 0;
        for (const auto& request : held_)
            if (const auto* end = std::get_if<jobs::NoteFinish>(&request)) pushes += end->pushes.size();
        return pushes;
    }

private:
    std::unique_ptr<jobs::MemoryStore> memory_;
    jobs::AnswerBox box_;
    jobs::StoreHealth health_;
    std::vector<jobs::WriteRequest> held_;
    std::vector<jobs::ReadRequest> held_reads_;
    std::string why_no_maps_;
    std::size_t claims_ = 0;
    std::size_t expiries_ = 0;
    std::vector<MapId> dropped_;  // maps
    bool shut_ = false;
    bool reads_shut_ = false;
    bool at_hand_ = false;
};

// A worker of a pool of `lines`, played by the test.
struct Player {
    WorkerId id;
    UniqueFd in, out;
    static Player bear(JobHost& host, const WorkerId& id, const SpecPtr& spec) {
        Player player{.id = id, .in = {}, .out = {}};
        const auto birth = host.prepare(id, spec);
        EXPECT_TRUE(birth);
        player.in = UniqueFd(::fcntl(birth->stdin_fd, F_DUPFD_CLOEXEC, 0));
        player.out = UniqueFd(::fcntl(birth->stdout_fd, F_DUPFD_CLOEXEC, 0));
        ::fcntl(player.in.fd(), F_SETFL, O_NONBLOCK);
        EXPECT_TRUE(host.born(id, ""));
        host.ready(id);
        return player;
    }
    [[nodiscard]] std::string reads() const {
        char buffer[65536];
        const auto n = ::read(in.fd(), buffer, sizeof buffer);
        return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
    }
    void writes(const std::string& text) const {
        ASSERT_EQ(::write(out.fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
};

class HostTest : public ::testing::Test {
protected:
    HostTest() : host_(loop_, services(), 1) { EXPECT_TRUE(host_.start()); }

    JobServices services() {
        JobServices services;
        services.unwanted = [this](const WorkerId& worker, supervise::Unwanted why) {
            unwanted_.emplace_back(worker, why);
        };
        services.log_line = [this](const WorkerId&, std::string_view line) { lines_.emplace_back(line); };
        services.read_output = [this](const WorkerId& worker) {
            for (const auto& line : std::exchange(unread_, {})) host_.wrote(worker, line);
        };
        services.memory = [](const WorkerId&) { return std::optional<std::uint64_t>(); };
        services.usage_below = [this](const WorkerId&) { return used_; };
        services.record = [this](const log::Record& record) { records_.push_back(record.message); };
        services.open_store = [this]() -> Result<std::unique_ptr<jobs::Store>> {
            auto store = std::make_unique<GatedStore>();
            store_ = store.get();
            return store;
        };
        return services;
    }

    JobPoolId declare(const std::string& name, JobPoolSpec jobs = {}, Durability durability = Durability::memory) {
        auto spec = std::make_shared<PoolSpec>();
        spec->name = name;
        spec->kind = PoolKind::jobs;
        jobs.queue.durability = durability;
        spec->jobs = std::move(jobs);
        specs_[name] = spec;
        host_.declare(spec);
        settle();
        const auto found = host_.find(name);
        return found ? found->id : JobPoolId{};
    }
    // Until nothing is left to do at once.
    void settle() {
        while (sd_event_run(loop_.raw(), 0) > 0) {
        }
    }
    MapId open_map(JobPoolId pool, const std::string& name) {
        MapId map;
        host_.open_map(pool, name, false, [&](Answer<jobs::StoredMap> opened) { map = opened->map; });
        settle();
        return map;
    }
    // Inputs "0", "1", … Answered into `placed_`.
    std::uint64_t submit(JobPoolId pool, std::size_t count, MapId map = {}, bool wait = true) {
        JobOrder order{.pool = pool, .map = map, .wait = wait};
        for (std::size_t i = 0; i < count; ++i) order.inputs.push_back(std::to_string(i));
        return host_.submit(std::move(order), [this](Answer<std::vector<jobs::PlacedJob>> placed) {
            placed_.clear();
            refusal_ = placed ? "" : placed.error().message;
            if (placed) placed_ = std::move(*placed);
            if (on_placed_) on_placed_();
        });
    }
    [[nodiscard]] jobs::QueueView queue(const std::string& pool) const { return *host_.queue(host_.find(pool)->id); }

    Player arrive(const std::string& pool, std::uint64_t generation = 1, std::uint32_t slot = 0) {
        auto player = Player::bear(host_, {pool, Slot{slot}, Generation{generation}}, specs_.at(pool));
        settle();
        return player;
    }
    // Answers with `result` what it was sent last.
    void answer(const Player& player, const std::string& result) {
        const std::string line = player.reads();
        const auto id = line.substr(0, line.find(','));
        ASSERT_TRUE(id.starts_with("{\"id\":")) << line;
        player.writes(id + ",\"result\":" + result + "}\n");
        settle();
    }
    void die(const Player& player) {
        host_.drain(player.id);
        host_.died(player.id, Death{});
        host_.gone(player.id);
        settle();
    }

    std::vector<std::pair<WorkerId, supervise::Unwanted>> unwanted_;
    std::vector<std::string> lines_, records_;
    std::vector<std::string> unread_;  // lines that a worker wrote and nobody read yet
    std::optional<TreeUsage> used_;    // by what a worker has started
    std::vector<jobs::PlacedJob> placed_;
    std::string refusal_;
    std::function<void()> on_placed_;
    std::map<std::string, SpecPtr> specs_;
    GatedStore* store_ = nullptr;
    event::Loop loop_ = event::Loop::make().value();
    JobHost host_;
};

}  // namespace pinion::daemon::testing
