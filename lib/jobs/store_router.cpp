// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_router.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "jobs/store_split.h"
#include "jobs/store_threads.h"
#include "model/job_limits.h"

namespace pinion::jobs {
namespace {

constexpr std::uint64_t own_token = 1ULL << 63;

class StoreRouter : public Store {
public:
    explicit StoreRouter(StoreRouterOptions options) : options_(std::move(options)) {}

    [[nodiscard]] Result<void> open();

    void declare_pool(JobPoolId pool, const std::string& name, const QueuePolicy& policy) override;
    [[nodiscard]] Result<void> recover(std::optional<JobPoolId> only, const RecoveryVisitor& visitor) override;
    [[nodiscard]] std::optional<std::string_view> input_at_hand(JobId job) override {
        return is_in_memory(job) ? memory_->input_at_hand(job) : std::nullopt;
    }
    void post(WriteRequest request) override {
        std::visit([this](auto& r) { on(std::move(r)); }, request);
    }
    void post(ReadRequest request) override {
        std::visit([this](auto& r) { on(std::move(r)); }, request);
    }
    [[nodiscard]] bool has_room() const override {
        return memory_->has_room() && splits_.size() < limits::store_queue_requests && (!disk_ || disk_->has_room());
    }
    [[nodiscard]] std::vector<StoreAnswer> take_answers() override;
    [[nodiscard]] int answer_fd() const override { return ready_.fd(); }
    [[nodiscard]] StoreHealth health() const override { return disk_ ? disk_->health() : closed_; }

private:
    struct Pool {
        std::string name;
        QueuePolicy policy;
        bool on_disk = false;
    };

    void open_disk();
    [[nodiscard]] Result<void> watch(int fd);
    [[nodiscard]] bool is_on_disk(JobPoolId pool) const;
    [[nodiscard]] Error trouble(const std::string& what) const;

    void on(Enqueue request);
    void on(OpenMap request);
    void on(NoteFinish request);
    void on(SetMode request);
    void on(Flush request) { send(!disk_, request); }  // in memory everything is written at once
    void on(Expire request) { tell_both(request); }
    void on(SealMap request) { send(is_in_memory(request.map), std::move(request)); }
    void on(DropMap request) { send(is_in_memory(request.map), request); }
    void on(CancelMap request) { send(is_in_memory(request.map), std::move(request)); }
    void on(NoteClaim request) { send(is_in_memory(request.job), std::move(request)); }
    void on(VoidClaim request) { send(is_in_memory(request.job), std::move(request)); }
    void on(NoteRetry request) { send(is_in_memory(request.job), std::move(request)); }
    void on(FetchPayload request);
    void on(LookUpJob request);
    void on(ListJobs request);
    void on(ReadItems request);
    void on(FindMap request);
    void on(LookUpMap request);
    template <class Request>
    void tell_both(const Request& request) {
        memory_->post(WriteRequest(request));
        if (disk_) disk_->post(WriteRequest(request));
    }
    // Of a job or a map that is there; if the disk is not, neither is what it would be about.
    void send(bool to_memory, WriteRequest request);
    void split(NoteFinish request);
    void push_to_disk(std::uint64_t token);
    void push_refused();
    [[nodiscard]] StoreAnswer give_up(std::uint64_t token);
    void begin_pause();
    void end_pause();

    void take(Enqueued answer, std::vector<StoreAnswer>& out);
    void take(Finished answer, std::vector<StoreAnswer>& out);
    void take(Listed answer, std::vector<StoreAnswer>& out);
    void take(StoreHealth answer, std::vector<StoreAnswer>& out);
    template <class Other>
    void take(Other answer, std::vector<StoreAnswer>& out) {
        out.emplace_back(std::move(answer));
    }

    StoreRouterOptions options_;
    UniqueFd ready_;  // an epoll of the engines' and our own
    AnswerBox own_;
    std::unique_ptr<MemoryStore> memory_;
    std::unique_ptr<Store> disk_;
    StoreHealth closed_;  // why there is no disk, if there should be one
    std::map<JobPoolId, Pool> pools_;
    std::set<std::string> on_disk_;  // names of pools that ever were stronger than memory
    std::uint64_t next_token_ = own_token;
    std::map<std::uint64_t, SplitFinish> splits_;  // pushes on their way to disk, by our token
    std::set<std::uint64_t> refused_;              // those of them that are to be tried again
    UniqueFd pause_;                               // a timer: when, if no word of the disk comes before
    bool pausing_ = false;
    std::map<JobId, SplitFinish> finishing_;                  // on disk, with pushes to memory
    std::map<std::uint64_t, std::vector<ListJobs>> listing_;  // whose list of the disk is under way, by token
};

Result<void> StoreRouter::open() {
    ready_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
    if (!ready_) return fail_last("make an epoll for the stores");
    PINION_TRY(memory, MemoryStore::open(options_.memory));
    memory_ = std::move(memory);
    PINION_CHECK(own_.open());
    PINION_CHECK(watch(memory_->answer_fd()));
    PINION_CHECK(watch(own_.fd()));
    pause_ = UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!pause_) return fail_last("make a timer for the stores");
    PINION_CHECK(watch(pause_.fd()));
    if (options_.open_now) open_disk();
    return {};
}

Result<void> StoreRouter::watch(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (::epoll_ctl(ready_.fd(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_last("watch a store");
    return {};
}

void StoreRouter::open_disk() {
    if (disk_ || closed_.state == StoreHealth::State::stopped) return;
    auto opened = options_.open_disk();
    if (opened) {
        if (auto watched = watch((*opened)->answer_fd()); !watched) opened = std::unexpected(watched.error());
    }
    if (!opened) {
        closed_ = {
            StoreHealth::State::stopped,
            opened.error().message + ", pools that are kept on disk take no jobs until the daemon is started anew",
            opened.error().code};
        return own_.put(closed_);
    }
    disk_ = std::move(*opened);
    for (const auto& [id, pool] : pools_) disk_->declare_pool(id, pool.name, pool.policy);
}

void StoreRouter::declare_pool(JobPoolId pool, const std::string& name, const QueuePolicy& policy) {
    Pool& known = pools_[pool];
    known.name = name;
    known.policy = policy;
    if (policy.durability != Durability::memory) on_disk_.insert(name);
    known.on_disk = on_disk_.contains(name);  // whatever its number was before
    memory_->declare_pool(pool, name, policy);
    if (disk_)
        disk_->declare_pool(pool, name, policy);
    else if (known.on_disk)
        open_disk();
}

// Ids on disk are below those in memory, so what memory has of each kind comes after.
Result<void> StoreRouter::recover(std::optional<JobPoolId> only, const RecoveryVisitor& visitor) {
    std::vector<RecoveredMap> maps;
    std::vector<RecoveredJob> jobs;
    PINION_CHECK(memory_->recover(only, {.queue =
                                             [&](const RecoveredQueue& queue) {
                                                 if (!is_on_disk(queue.pool) || !disk_) visitor.queue(queue);
                                             },
                                         .map = [&](const RecoveredMap& map) { maps.push_back(map); },
                                         .job = [&](const RecoveredJob& job) { jobs.push_back(job); }}));
    const auto visit_maps = [&] {
        for (const RecoveredMap& map : std::exchange(maps, {})) visitor.map(map);
    };
    Result<void> done;
    if (disk_)
        done = disk_->recover(only, {.queue = [&](const RecoveredQueue& queue) { visitor.queue(queue); },
                                     .map = [&](const RecoveredMap& map) { visitor.map(map); },
                                     .job =
                                         [&](const RecoveredJob& job) {
                                             visit_maps();
                                             visitor.job(job);
                                         }});
    visit_maps();
    for (const RecoveredJob& job : jobs) visitor.job(job);
    return done;
}

bool StoreRouter::is_on_disk(JobPoolId pool) const {
    const auto known = pools_.find(pool);
    return known == pools_.end() || known->second.on_disk;
}

Error StoreRouter::trouble(const std::string& what) const {
    return {closed_.code, what + ": " + (closed_.reason.empty() ? "nothing is kept on disk" : closed_.reason)};
}

void StoreRouter::send(bool to_memory, WriteRequest request) {
    if (to_memory) return memory_->post(std::move(request));
    if (disk_) disk_->post(std::move(request));
}

void StoreRouter::on(Enqueue request) {
    bool memory = false;
    bool disk = false;
    bool weak_map = false;
    for (const NewJob& job : request.jobs) {
        const bool durable = job.map.value == 0 || is_in_memory(job.map) ? is_on_disk(job.pool) : true;
        weak_map = weak_map || (durable && is_in_memory(job.map));
        (durable ? disk : memory) = true;
    }
    const char* wrong = weak_map         ? "submit: the map was opened before its pool was kept on disk; open it anew"
                        : memory && disk ? "submit: some of the jobs are kept in memory only, and some on disk"
                                         : nullptr;
    if (wrong != nullptr) return own_.put(Enqueued{request.token, fail(wrong)});
    if (!disk) return memory_->post(WriteRequest(std::move(request)));
    if (!disk_) return own_.put(Enqueued{request.token, std::unexpected(trouble("submit"))});
    disk_->post(WriteRequest(std::move(request)));
}

void StoreRouter::on(OpenMap request) {
    if (!is_on_disk(request.pool)) return memory_->post(WriteRequest(std::move(request)));
    if (!disk_) return own_.put(MapStored{request.token, std::unexpected(trouble("open a map"))});
    disk_->post(WriteRequest(std::move(request)));
}

// Both are told, and the one answers that the pool's durability names: of one that became weaker nothing is promised.
void StoreRouter::on(SetMode request) {
    const auto known = pools_.find(request.pool);
    const bool in_memory = known != pools_.end() && known->second.policy.durability == Durability::memory;
    SetMode unasked = request;
    unasked.token.reset();
    memory_->post(WriteRequest(in_memory ? request : unasked));
    if (disk_) disk_->post(WriteRequest(in_memory ? unasked : request));
}

void StoreRouter::on(NoteFinish request) {
    const bool in_memory = is_in_memory(request.job);
    const bool crosses =
        std::ranges::any_of(request.pushes, [&](const NewJob& push) { return is_on_disk(push.pool) == in_memory; });
    if (crosses && (!in_memory || memory_->is_live(request.job))) return split(std::move(request));
    send(in_memory, std::move(request));
}

void StoreRouter::split(NoteFinish request) {
    const bool in_memory = is_in_memory(request.job);
    SplitFinish split;
    auto pushes = std::exchange(request.pushes, {});
    for (NewJob& push : pushes) {
        const bool elsewhere = is_on_disk(push.pool) == in_memory;
        split.is_elsewhere.push_back(elsewhere);
        (elsewhere ? split.elsewhere : request.pushes).push_back(std::move(push));
    }
    if (!in_memory) {
        const JobId job = request.job;
        finishing_[job] = std::move(split);
        return send(false, std::move(request));
    }
    split.finish = std::move(request);
    const std::uint64_t token = next_token_++;
    splits_[token] = std::move(split);
    if (!disk_) return own_.put(give_up(token));
    push_to_disk(token);
}

// The pushes are copied: should they be refused, they are needed again.
void StoreRouter::push_to_disk(std::uint64_t token) {
    disk_->post(WriteRequest(Enqueue{token, splits_.at(token).elsewhere}));
}

// All that it pushes stands or falls together, what stays in memory, too.
StoreAnswer StoreRouter::give_up(std::uint64_t token) {
    auto split = splits_.extract(token);
    PushesRefused answer{std::move(split.mapped().finish), split.mapped().elsewhere.front().pool};
    answer.finish.pushes.clear();
    return answer;
}

void StoreRouter::push_refused() {
    for (const std::uint64_t token : std::exchange(refused_, {})) push_to_disk(token);
}

// An open disk may refuse all the same, for want of a descriptor; and at once it would do so again.
void StoreRouter::begin_pause() {
    if (std::exchange(pausing_, true)) return;
    itimerspec pause{};
    pause.it_value.tv_sec = limits::store_retry / std::chrono::seconds(1);
    static_cast<void>(::timerfd_settime(pause_.fd(), 0, &pause, nullptr));
}

void StoreRouter::end_pause() {
    std::uint64_t times = 0;
    if (!pausing_ || ::read(pause_.fd(), &times, sizeof times) != sizeof times) return;
    pausing_ = false;
    // Of one that is not open there will be word.
    if (disk_ && disk_->health().state == StoreHealth::State::open) push_refused();
}

void StoreRouter::on(FetchPayload request) {
    if (is_in_memory(request.job)) return memory_->post(ReadRequest(request));
    if (disk_) return disk_->post(ReadRequest(request));
    own_.put(
        Fetched{request.token, std::unexpected(trouble("read input of job " + std::to_string(request.job.value)))});
}

void StoreRouter::on(LookUpJob request) {
    if (is_in_memory(request.job)) return memory_->post(ReadRequest(request));
    if (disk_) return disk_->post(ReadRequest(request));
    LookedUp answer{request.token, std::optional<StoredJob>()};
    if (closed_.state == StoreHealth::State::stopped)
        answer.job = std::unexpected(trouble("read job " + std::to_string(request.job.value)));
    own_.put(std::move(answer));
}

void StoreRouter::on(ListJobs request) {
    const bool memory_only = is_in_memory(request.after) || (request.map && is_in_memory(*request.map));
    if (memory_only || !disk_) return memory_->post(ReadRequest(request));
    if (!request.map || request.map->value == 0) listing_[request.token].push_back(request);
    disk_->post(ReadRequest(request));
}

void StoreRouter::on(ReadItems request) {
    if (is_in_memory(request.map)) return memory_->post(ReadRequest(request));
    if (disk_) return disk_->post(ReadRequest(request));
    own_.put(ItemsRead{request.token, std::unexpected(trouble("read a map"))});
}

// A pool that is kept in memory now may have maps on disk.
void StoreRouter::on(FindMap request) {
    const bool on_disk = is_on_disk(request.pool);
    if (on_disk && !disk_) return own_.put(MapFound{request.token, std::unexpected(trouble("find a map"))});
    auto found = std::get<MapFound>(memory_->answer(ReadRequest(request)));
    if (disk_ && (on_disk || found.map->value == 0)) return disk_->post(ReadRequest(std::move(request)));
    own_.put(std::move(found));
}

void StoreRouter::on(LookUpMap request) {
    if (is_in_memory(request.map)) return memory_->post(ReadRequest(request));
    if (disk_) return disk_->post(ReadRequest(request));
    own_.put(MapLookedUp{request.token, std::unexpected(trouble("read a map"))});
}

std::vector<StoreAnswer> StoreRouter::take_answers() {
    std::vector<StoreAnswer> out = own_.take();
    end_pause();
    if (disk_)
        for (StoreAnswer& answer : disk_->take_answers()) std::visit([&](auto& a) { take(std::move(a), out); }, answer);
    std::vector<StoreAnswer> rest = memory_->take_answers();
    if (out.empty()) return rest;
    std::ranges::move(rest, std::back_inserter(out));
    return out;
}

void StoreRouter::take(Enqueued answer, std::vector<StoreAnswer>& out) {
    const auto found = splits_.find(answer.token);
    if (found == splits_.end()) return void(out.emplace_back(std::move(answer)));
    if (!answer.jobs) {
        if (disk_->health().state == StoreHealth::State::stopped) return void(out.push_back(give_up(answer.token)));
        // Nothing of it is there. Once there is room, it is tried again.
        refused_.insert(answer.token);
        return begin_pause();
    }
    SplitFinish split = std::move(found->second);
    splits_.erase(found);
    Finished finished = memory_->finish(std::move(split.finish));
    finished.pushed = merge(split.is_elsewhere, finished.pushed, *answer.jobs);
    out.emplace_back(std::move(finished));
}

void StoreRouter::take(Finished answer, std::vector<StoreAnswer>& out) {
    if (const auto found = finishing_.find(answer.job); found != finishing_.end()) {
        std::vector<PlacedJob> placed;
        for (NewJob& push : found->second.elsewhere) placed.push_back(memory_->place(std::move(push)));
        answer.pushed = merge(found->second.is_elsewhere, answer.pushed, placed);
        finishing_.erase(found);
    }
    out.emplace_back(std::move(answer));
}

// The disk's part comes first, since its ids do.
void StoreRouter::take(Listed answer, std::vector<StoreAnswer>& out) {
    const auto found = listing_.find(answer.token);
    if (found != listing_.end()) {
        ListJobs rest = found->second.front();
        found->second.erase(found->second.begin());
        if (found->second.empty()) listing_.erase(found);
        if (answer.jobs && answer.seen.value == 0) {
            rest.limit -= static_cast<std::uint32_t>(answer.jobs->size());
            auto more = std::get<Listed>(memory_->answer(rest));
            std::ranges::move(*more.jobs, std::back_inserter(*answer.jobs));
            answer.seen = more.seen;
        }
    }
    out.emplace_back(std::move(answer));
}

void StoreRouter::take(StoreHealth answer, std::vector<StoreAnswer>& out) {
    if (answer.state == StoreHealth::State::open) push_refused();
    if (answer.state == StoreHealth::State::stopped)
        for (const std::uint64_t token : std::exchange(refused_, {})) out.push_back(give_up(token));
    out.emplace_back(std::move(answer));
}

}  // namespace

Result<std::unique_ptr<Store>> open_store_router(StoreRouterOptions options) {
    auto router = std::make_unique<StoreRouter>(std::move(options));
    PINION_CHECK(router->open());
    return router;
}

}  // namespace pinion::jobs
