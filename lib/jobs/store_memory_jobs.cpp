// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_memory_jobs.h"

#include <algorithm>

#include "base/check.h"

namespace pinion::jobs {

void MemoryJob::set_input(std::string_view input) {
    size = static_cast<std::uint32_t>(input.size());
    payload = input.empty() ? nullptr : std::make_unique_for_overwrite<char[]>(input.size());
    std::ranges::copy(input, payload.get());
}

MemoryJobs::Chunk* MemoryJobs::find_chunk(JobId id) const noexcept {
    const std::uint64_t number = id.value / chunk_jobs;
    Chunk*& recent = recent_[number % recent_.size()];
    if (recent != nullptr && recent->number == number) return recent;
    const auto found = chunks_.find(number);
    if (found == chunks_.end()) return nullptr;
    return recent = found->second.get();
}

std::pair<JobId, MemoryJob*> MemoryJobs::add() {
    const JobId id{next_++};
    Chunk* chunk = find_chunk(id);
    if (chunk == nullptr) {
        auto& made = chunks_[id.value / chunk_jobs];
        made = std::make_unique<Chunk>();
        made->number = id.value / chunk_jobs;
        chunk = made.get();
    }
    ++chunk->used;
    return {id, &chunk->jobs[id.value % chunk_jobs]};
}

MemoryJob* MemoryJobs::find(JobId id) noexcept {
    Chunk* chunk = find_chunk(id);
    if (chunk == nullptr) return nullptr;
    MemoryJob& job = chunk->jobs[id.value % chunk_jobs];
    return job.phase == MemoryJob::Phase::none ? nullptr : &job;
}

void MemoryJobs::remove(JobId id) noexcept {
    Chunk* chunk = find_chunk(id);
    if (chunk == nullptr) return;
    chunk->jobs[id.value % chunk_jobs] = {};
    if (chunk->extras) (*chunk->extras)[id.value % chunk_jobs].reset();
    if (--chunk->used > 0) return;
    recent_[chunk->number % recent_.size()] = nullptr;
    chunks_.erase(chunk->number);
}

MemoryExtra& MemoryJobs::extra(JobId id) {
    Chunk* chunk = find_chunk(id);
    ASSERT(chunk != nullptr);
    if (!chunk->extras) chunk->extras = std::make_unique<std::array<std::unique_ptr<MemoryExtra>, chunk_jobs>>();
    auto& extra = (*chunk->extras)[id.value % chunk_jobs];
    if (!extra) extra = std::make_unique<MemoryExtra>();
    return *extra;
}

const MemoryExtra* MemoryJobs::find_extra(JobId id) const noexcept {
    const Chunk* chunk = find_chunk(id);
    return chunk == nullptr || !chunk->extras ? nullptr : (*chunk->extras)[id.value % chunk_jobs].get();
}

}  // namespace pinion::jobs
