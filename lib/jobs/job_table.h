// SPDX-License-Identifier: Apache-2.0
// All jobs that are not at their end, packed: 32 bytes each in chunks, and an index from ids of 5 to 7.5 bytes each, so
// that a million queued jobs cost less than 40 MB. Records are named by their place, a number that is reused.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.h"
#include "jobs/job_phase.h"
#include "model/job_ids.h"

namespace pinion::jobs {

using Place = std::uint32_t;
inline constexpr Place nowhere = UINT32_MAX;

// What is known of a job while it waits. `prev` and `next` chain it into its lane; a delayed job keeps its place in the
// heap in `prev`.
class JobRecord {
public:
    JobId id;
    Place prev = nowhere;
    Place next = nowhere;
    std::uint32_t lane = nowhere;
    std::uint32_t size = 0;

    [[nodiscard]] JobPhase phase() const noexcept { return static_cast<JobPhase>(packed_ & 0xf); }
    // ASSERTs that the move is one of job_phase.h's.
    void become(JobPhase next_phase) noexcept;
    [[nodiscard]] bool on_disk() const noexcept { return (packed_ >> 16 & 1) != 0; }
    void set_on_disk() noexcept { packed_ |= 1U << 16; }
    [[nodiscard]] std::uint32_t attempts() const noexcept { return static_cast<std::uint32_t>(packed_ >> 4 & 0xfff); }
    void set_attempts(std::uint32_t attempts) noexcept;
    // Since when it is ready, or until when it is delayed, in whole milliseconds, rounded up.
    [[nodiscard]] MonotonicTime time() const noexcept;
    void set_time(MonotonicTime time) noexcept;

private:
    // 40 bits of time, 7 spare, whether it is on disk, 12 of attempts, 4 of phase: see the accessors.
    std::uint64_t packed_ = 0;
};
static_assert(sizeof(JobRecord) == 32);

// Ids to places by open addressing. In 64 parts of different sizes, so that growing is never a long pause.
class IdIndex {
public:
    explicit IdIndex(const class JobTable& jobs);
    [[nodiscard]] Place find(JobId id) const noexcept;
    void add(JobId id, Place place);
    void remove(JobId id) noexcept;
    [[nodiscard]] std::size_t memory_bytes() const noexcept;

private:
    struct Part {
        std::vector<Place> places;
        std::size_t used = 0;
    };
    [[nodiscard]] static std::uint64_t hash(JobId id) noexcept;
    [[nodiscard]] static std::size_t home(std::uint64_t hash, std::size_t size) noexcept;
    void resize(Part& part, std::size_t size);
    void put(Part& part, Place place) noexcept;

    const JobTable* jobs_;
    std::array<Part, 64> parts_;
    JobId newest_;
};

class JobTable {
public:
    JobTable() : index_(*this) {}
    JobTable(const JobTable&) = delete;
    JobTable& operator=(const JobTable&) = delete;

    // A record in phase `none`; the id must not be there.
    Place add(JobId id);
    void remove(Place place) noexcept;
    // Where the job is; `nowhere` if it is not.
    [[nodiscard]] Place find(JobId id) const noexcept { return index_.find(id); }
    [[nodiscard]] JobRecord& at(Place place) noexcept { return (*chunks_[place / chunk_jobs])[place % chunk_jobs]; }
    [[nodiscard]] const JobRecord& at(Place place) const noexcept {
        return (*chunks_[place / chunk_jobs])[place % chunk_jobs];
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    // Calls `visit(place)` for each job, in no order; it may remove that job.
    template <class Visit>
    void for_each(Visit&& visit) {
        for (std::size_t place = 0; place < chunks_.size() * chunk_jobs; ++place)
            if (at(static_cast<Place>(place)).phase() != JobPhase::none) visit(static_cast<Place>(place));
    }
    // What the records and the index take.
    [[nodiscard]] std::size_t memory_bytes() const noexcept;

private:
    static constexpr std::size_t chunk_jobs = 4096;
    using Chunk = std::array<JobRecord, chunk_jobs>;

    std::vector<std::unique_ptr<Chunk>> chunks_;
    Place free_ = nowhere;  // chained by `next`
    std::size_t size_ = 0;
    IdIndex index_;
};

}  // namespace pinion::jobs
