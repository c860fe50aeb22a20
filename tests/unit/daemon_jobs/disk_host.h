// SPDX-License-Identifier: Apache-2.0
// A host of one job pool, 'p', over a store on disk in a folder of the test's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host_harness.h"
#include "jobs/store_sqlite.h"

namespace pinion::daemon::testing {

struct DiskHost {
    // `nonce` differs where one comes after another in the same folder, or in a copy of it.
    explicit DiskHost(const std::string& folder, std::function<void(jobs::StorePoint)> hook = {},
                      std::uint64_t nonce = 0)
        : host(loop, services({.folder = folder, .nonce = nonce, .hook = std::move(hook)}, records), 1) {
        EXPECT_TRUE(host.start());
    }
    static JobServices services(const jobs::SqliteStoreOptions& options, std::vector<std::string>& records) {
        JobServices services;
        services.unwanted = [](const WorkerId&, supervise::Unwanted) {};
        services.log_line = [](const WorkerId&, std::string_view) {};
        services.memory = [](const WorkerId&) { return std::optional<std::uint64_t>(); };
        services.record = [&records](const log::Record& record) { records.push_back(record.message); };
        services.open_store = [options] { return jobs::open_sqlite_store(options); };
        return services;
    }
    template <class Ready>
    void until(Ready&& ready) {
        for (int turn = 0; turn < 500 && !ready(); ++turn) sd_event_run(loop.raw(), 100'000);
        ASSERT_TRUE(ready());
    }
    JobPoolId declare(JobPoolSpec jobs = {}) {
        auto named = std::make_shared<PoolSpec>();
        named->name = "p";
        named->kind = PoolKind::jobs;
        named->jobs = std::move(jobs);
        spec = std::move(named);
        host.declare(spec);
        return host.find("p")->id;
    }
    Player arrive(std::uint64_t generation = 1) {
        return Player::bear(host, {"p", Slot{0}, Generation{generation}}, spec);
    }
    MapId open_map(JobPoolId pool, const std::string& name) {
        std::optional<MapId> map;
        host.open_map(pool, name, false, [&](Answer<jobs::StoredMap> opened) { map = opened->map; });
        until([&] { return map.has_value(); });
        return *map;
    }
    std::vector<JobId> submit(JobPoolId pool, MapId map, std::uint64_t from, std::size_t count) {
        JobOrder order{.pool = pool, .map = map, .first_index = from};
        order.inputs.assign(count, "1");
        std::vector<JobId> ids;
        host.submit(std::move(order), [&](Answer<std::vector<jobs::PlacedJob>> placed) {
            for (const auto& job : *placed) ids.push_back(job.id);
        });
        until([&] { return ids.size() == count; });
        return ids;
    }
    jobs::JobState state(JobId job) {
        std::optional<jobs::JobState> state;
        host.look_up(job, [&](Answer<std::optional<jobs::StoredJob>> found) { state = (*found)->state; });
        until([&] { return state.has_value(); });
        return *state;
    }
    // No job is left, whatever it ended as.
    void until_empty(JobPoolId pool) {
        until([&] {
            const auto view = host.queue(pool);
            return view && view->ready + view->delayed + view->finishing == 0;
        });
    }
    // Ends all jobs that wait.
    void cancel_all() {
        std::optional<std::vector<jobs::StoredJob>> jobs;
        host.list({}, [&](Answer<JobPage> page) { jobs = page->jobs; });
        until([&] { return jobs.has_value(); });
        for (const auto& job : *jobs)
            if (job.state == jobs::JobState::queued) host.cancel(job.id, [](const Answer<jobs::JobState>&) {});
    }
    SpecPtr spec;  // of its pool
    std::vector<std::string> records;
    event::Loop loop = event::Loop::make().value();
    JobHost host;
};

}  // namespace pinion::daemon::testing
