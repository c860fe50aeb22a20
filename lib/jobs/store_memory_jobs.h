// SPDX-License-Identifier: Apache-2.0
// The jobs that the store in memory keeps, packed: 40 bytes each and the payload, in small chunks by id. What few jobs
// have (a key, attempts that failed, an end) lies beside them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/store.h"

namespace pinion::jobs {

struct MemoryJob {
    enum class Phase : std::uint8_t { none, waiting, claimed, ended };

    std::unique_ptr<char[]> payload;
    WallTime queued{};
    std::uint64_t index = 0;
    std::uint32_t size = 0;
    std::uint32_t map = 0;  // the number of its map among the store's own, from 1; 0: none
    JobPoolId pool;
    std::uint16_t attempts = 0;
    std::uint8_t priority = 0;
    Phase phase = Phase::none;

    [[nodiscard]] bool is_live() const noexcept { return phase == Phase::waiting || phase == Phase::claimed; }
    [[nodiscard]] std::string_view input() const noexcept { return {payload.get(), size}; }
    void set_input(std::string_view input);
};
static_assert(sizeof(MemoryJob) == 40);

struct MemoryEnd {
    JobState state = JobState::done;
    AttemptRow attempt;  // `ended` is the job's
    std::string result;
};
struct MemoryExtra {
    std::string key;
    JobId retry_of;
    WallTime due{};
    std::vector<AttemptRow> attempts;  // those before the last, by number
    std::optional<MemoryEnd> end;
};

class MemoryJobs {
public:
    explicit MemoryJobs(JobId first) : next_(first.value) {}

    // A job of phase `none`, to be filled in. Ids grow.
    [[nodiscard]] std::pair<JobId, MemoryJob*> add();
    [[nodiscard]] MemoryJob* find(JobId id) noexcept;
    void remove(JobId id) noexcept;

    // Of a job that is there: made where it has none.
    [[nodiscard]] MemoryExtra& extra(JobId id);
    [[nodiscard]] const MemoryExtra* find_extra(JobId id) const noexcept;

    // Calls `visit(id, job)` for each job with an id above `after`, by id, until it gives false.
    template <class Visit>
    void visit_after(JobId after, Visit&& visit) const {
        for (auto chunk = chunks_.lower_bound((after.value + 1) / chunk_jobs); chunk != chunks_.end(); ++chunk)
            for (std::size_t i = 0; i < chunk_jobs; ++i) {
                const JobId id{chunk->first * chunk_jobs + i};
                const MemoryJob& job = chunk->second->jobs[i];
                if (id > after && job.phase != MemoryJob::Phase::none && !visit(id, job)) return;
            }
    }
    // What the records take, without payloads and what lies beside them.
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return chunks_.size() * (sizeof(Chunk) + 64); }

private:
    static constexpr std::size_t chunk_jobs = 64;
    struct Chunk {
        std::uint64_t number = 0;
        std::size_t used = 0;
        std::array<MemoryJob, chunk_jobs> jobs;
        // None until a job of these has something to lie beside it.
        std::unique_ptr<std::array<std::unique_ptr<MemoryExtra>, chunk_jobs>> extras;
    };
    [[nodiscard]] Chunk* find_chunk(JobId id) const noexcept;

    std::uint64_t next_;
    std::map<std::uint64_t, std::unique_ptr<Chunk>> chunks_;
    // Those that were asked for last, by number: what happens to jobs, happens to neighbours one after another.
    mutable std::array<Chunk*, 64> recent_{};
};

}  // namespace pinion::jobs
