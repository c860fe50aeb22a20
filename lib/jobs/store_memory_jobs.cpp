// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_memory_jobs.h"

#include <algorithm>

namespace pinion::jobs {

void MemoryJob::set_input(std::string_view input) {
    size = static_cast<std::uint32_t>(input.size());
    payload = input.empty() ? nullptr : std::make_unique_for_overwrite<char[]>(input.size());
    std::ranges::copy(input, payload.get());
}

std::pair<JobId, MemoryJob*> MemoryJobs::add() {
    const std::uint64_t id = next_++;
    auto& chunk = chunks_[id / chunk_jobs];
    if (!chunk) chunk = std::make_unique<Chunk>();
    ++chunk->used;
    return {JobId{id}, &chunk->jobs[id % chunk_jobs]};
}

MemoryJob* MemoryJobs::find(JobId id) noexcept {
    const auto chunk = chunks_.find(id.value / chunk_jobs);
    if (chunk == chunks_.end()) return nullptr;
    MemoryJob& job = chunk->second->jobs[id.value % chunk_jobs];
    return job.phase == MemoryJob::Phase::none ? nullptr : &job;
}

void MemoryJobs::remove(JobId id) noexcept {
    extras_.erase(id.value);
    const auto chunk = chunks_.find(id.value / chunk_jobs);
    if (chunk == chunks_.end()) return;
    chunk->second->jobs[id.value % chunk_jobs] = {};
    if (--chunk->second->used == 0) chunks_.erase(chunk);
}

const MemoryExtra* MemoryJobs::find_extra(JobId id) const noexcept {
    const auto found = extras_.find(id.value);
    return found == extras_.end() ? nullptr : &found->second;
}

}  // namespace pinion::jobs
