// SPDX-License-Identifier: Apache-2.0
#include "config/rules.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "base/units.h"
#include "config/codec_policy.h"
#include "config/job_rules.h"
#include "model/limits.h"

namespace pinion::config {
namespace {

void check_delays(const ReadPool& pool, Report& report) {
    if (failed(pool, {"restart.delay", "restart.max_delay", "restart.factor", "restart.jitter", "restart.limit"}))
        return;
    const auto& restart = pool.draft.pool.restart;
    if (restart.max_delay < restart.delay)
        report.error(place_of(pool, {"restart.max_delay", "restart.delay"}), "conflict",
                     "'restart.max_delay' (" + format_duration(restart.max_delay) + ") is below 'restart.delay' (" +
                         format_duration(restart.delay) + ")");
    else if (!limit_is_reachable(restart))
        report.error(place_of(pool, {"restart.limit"}), "unreachable-limit",
                     "'restart.limit' can't be reached: the delays alone spread " +
                         std::to_string(std::uint64_t{restart.limit->count} + 1) + " restarts over more than " +
                         format_duration(restart.limit->within),
                     "lower the count or 'restart.max_delay', or lengthen 'within'");
}

void check_exits(const ReadPool& pool, Report& report) {
    if (failed(pool, {"restart.success", "restart.fatal"})) return;
    const auto& restart = pool.draft.pool.restart;
    for (const auto& pattern : restart.fatal)
        if (std::ranges::find(restart.success, pattern) != restart.success.end())
            report.error(place_of(pool, {"restart.fatal", "restart.success"}), "conflict",
                         to_string(pattern) + " stands in 'restart.fatal' and in 'restart.success'" +
                             (pool.places.contains("restart.success") ? "" : ", which is [0] by default"));
}

void check_never(const ReadPool& pool, Report& report) {
    if (pool.draft.pool.restart.policy != RestartWhen::never) return;
    for (const char* key : {"restart.delay", "restart.max_delay", "restart.factor", "restart.jitter",
                            "restart.reset_after", "restart.limit", "restart.fatal"})
        if (says(pool, key))
            report.warning(place_of(pool, {key}), "no-effect",
                           in_quotes(key) + " has no effect with 'restart.policy: never'");
}

void check_start(const ReadPool& pool, Report& report) {
    if (failed(pool, {"start.ready"})) return;
    if (pool.draft.pool.start.ready == StartPolicy::Ready::exec && says(pool, "start.timeout"))
        report.warning(place_of(pool, {"start.timeout"}), "no-effect",
                       "'start.timeout' has no effect without 'start.ready: notify'");
}

void check_workers(const ReadPool& pool, Report& report) {
    if (failed(pool, {"workers", "max_workers"})) return;
    const WorkerCount& workers = pool.draft.pool.workers;
    if (workers.automatic || !workers.most || !says(pool, "max_workers")) return;
    report.warning(place_of(pool, {"max_workers"}), "no-effect", "'max_workers' has no effect without 'workers: auto'");
}

void check_seats(ReadPool& pool, Report& report) {
    auto& spec = pool.draft.pool;
    const auto* seats = std::get_if<CpuSeats>(&spec.cpu);
    if (seats == nullptr) return;
    const auto count = static_cast<std::uint32_t>(seats->seats.size());
    if (spec.workers.per)
        return report.error(place_of(pool, {"workers"}), "bad-value",
                            "'workers: {per, count}' wants seats that are placed, not a list of them",
                            "name a number of workers, or a 'seat' instead of 'seats'");
    if (spec.workers.automatic)
        spec.workers = {.automatic = false,
                        .number = std::min(count, spec.workers.most.value_or(count)),
                        .most = spec.workers.most};
    if (count >= spec.workers.number) return;
    report.error(place_of(pool, {"cpu.seats", "cpu"}), "E_SEATS_SHORT",
                 std::to_string(spec.workers.number) + " workers have only " + std::to_string(count) +
                     (count == 1 ? " seat" : " seats"),
                 "list a seat for each worker, or set workers: " + std::to_string(count));
}

// Depth first over `start.after`, without recursion: a chain may be as long as there are pools.
class CircleFinder {
public:
    CircleFinder(const std::map<std::string, ReadPool>& pools, Report& report) : pools_(pools), report_(report) {}

    void find_from(const std::string& name) {
        if (!done_.contains(name)) enter(name);
        while (!path_.empty()) step();
    }

private:
    struct Step {
        const std::string* pool;
        std::size_t next = 0;  // of its `after`
    };

    void enter(const std::string& name) {
        path_.push_back({&pools_.find(name)->first});
        on_path_.insert(name);
    }

    void step() {
        Step& last = path_.back();
        const auto& after = pools_.at(*last.pool).draft.pool.start.after;
        if (last.next == after.size()) {
            on_path_.erase(*last.pool);
            done_.insert(*last.pool);
            path_.pop_back();
            return;
        }
        const std::string& wanted = after[last.next++];
        if (wanted == *last.pool || !pools_.contains(wanted) || done_.contains(wanted)) return;
        if (on_path_.contains(wanted)) return report_circle(wanted);
        enter(wanted);
    }

    void report_circle(const std::string& begin) {
        std::string text;
        auto step = std::ranges::find_if(path_, [&](const Step& s) { return *s.pool == begin; });
        for (; step != path_.end(); ++step) text += *step->pool + " after ";
        report_.error(place_of(pools_.at(*path_.back().pool), {"start.after"}), "cycle",
                      "pools wait for each other in a circle: " + text + begin);
    }

    const std::map<std::string, ReadPool>& pools_;
    Report& report_;
    std::vector<Step> path_;
    std::set<std::string> on_path_;
    std::set<std::string> done_;
};

void check_after(const std::string& name, const ReadPool& pool, const std::map<std::string, ReadPool>& pools,
                 Report& report) {
    for (const auto& wanted : pool.draft.pool.start.after) {
        if (wanted == name) {
            report.error(place_of(pool, {"start.after"}), "cycle",
                         "pool " + in_quotes(name) + " can't start after itself");
        } else if (!pools.contains(wanted)) {
            std::vector<std::string_view> names;
            for (const auto& [other, unused] : pools)
                if (other != name) names.push_back(other);
            report.error(place_of(pool, {"start.after"}), "unknown-pool",
                         "'start.after': there is no pool " + in_quotes(wanted), did_you_mean(wanted, names));
        }
    }
}

}  // namespace

Place place_of(const ReadPool& pool, std::initializer_list<const char*> keys) {
    for (const char* key : keys)
        if (const auto found = pool.places.find(key); found != pool.places.end()) return found->second.place;
    return pool.place;
}

bool says(const ReadPool& pool, const char* key) {
    const auto found = pool.places.find(key);
    return found != pool.places.end() && !found->second.inherited;
}

bool failed(const ReadPool& pool, std::initializer_list<const char*> keys) {
    return std::ranges::any_of(keys, [&](const char* key) {
        const auto found = pool.places.find(key);
        return found != pool.places.end() && found->second.failed;
    });
}

void check_pool(ReadPool& pool, Report& report) {
    check_delays(pool, report);
    check_exits(pool, report);
    check_never(pool, report);
    check_start(pool, report);
    check_workers(pool, report);
    check_seats(pool, report);
    check_job_keys(pool, report);
}

void check_pools(const std::map<std::string, ReadPool>& pools, bool complete, Report& report) {
    CircleFinder circles(pools, report);
    std::uint64_t workers = 0;
    const ReadPool* largest = nullptr;
    for (const auto& [name, pool] : pools) {
        if (complete) check_after(name, pool, pools, report);
        circles.find_from(name);
        const auto& count = pool.draft.pool.workers;
        if (count.automatic) continue;
        workers += count.number;
        if (largest == nullptr || count.number > largest->draft.pool.workers.number) largest = &pool;
    }
    if (workers > limits::max_workers)
        report.error(place_of(*largest, {"workers"}), "out-of-range",
                     "all pools together want " + std::to_string(workers) + " workers; the bound is " +
                         std::to_string(limits::max_workers));
}

}  // namespace pinion::config
