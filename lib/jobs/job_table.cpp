// SPDX-License-Identifier: Apache-2.0
#include "jobs/job_table.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace pinion::jobs {
namespace {

constexpr std::uint64_t phase_mask = 0xf;
constexpr std::uint64_t attempts_mask = 0xfffU << 4;
constexpr int time_shift = 24;
constexpr std::uint64_t time_max = (std::uint64_t{1} << 40) - 1;
constexpr std::size_t smallest_part = 16;
constexpr std::size_t sparse_part = 1024;  // up to this many places speed matters more than memory

bool is_full(std::size_t used, std::size_t places) {
    return places <= sparse_part ? used * 2 > places : used * 5 > places * 4;
}

}  // namespace

void JobRecord::become(JobPhase next_phase) noexcept {
    ASSERT(may_become(phase(), next_phase));
    packed_ = (packed_ & ~phase_mask) | static_cast<std::uint64_t>(next_phase);
}

void JobRecord::set_attempts(std::uint32_t attempts) noexcept {
    packed_ = (packed_ & ~attempts_mask) | (std::uint64_t{std::min(attempts, 0xfffU)} << 4);
}

MonotonicTime JobRecord::time() const noexcept {
    return MonotonicTime(std::chrono::milliseconds(packed_ >> time_shift));
}

void JobRecord::set_time(MonotonicTime time) noexcept {
    const auto whole =
        std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(time.time_since_epoch()).count());
    const auto bits = std::min(static_cast<std::uint64_t>(whole), time_max);
    packed_ = (packed_ & ((std::uint64_t{1} << time_shift) - 1)) | (bits << time_shift);
}

IdIndex::IdIndex(const JobTable& jobs) : jobs_(&jobs) {}

std::uint64_t IdIndex::hash(JobId id) noexcept {
    std::uint64_t h = id.value * 0x9e3779b97f4a7c15U;
    h ^= h >> 32;
    return h * 0xbf58476d1ce4e5b9U;
}

std::size_t IdIndex::home(std::uint64_t hash, std::size_t size) noexcept {
    return static_cast<std::size_t>(((hash >> 32) * size) >> 32);
}

Place IdIndex::find(JobId id) const noexcept {
    // Mostly asked for jobs that are just being added.
    if (id > newest_) return nowhere;
    const std::uint64_t h = hash(id);
    const Part& part = parts_[h % parts_.size()];
    if (part.used == 0) return nowhere;
    for (std::size_t at = home(h, part.places.size()); part.places[at] != nowhere;
         at = at + 1 == part.places.size() ? 0 : at + 1)
        if (jobs_->at(part.places[at]).id == id) return part.places[at];
    return nowhere;
}

void IdIndex::put(Part& part, Place place) noexcept {
    std::size_t at = home(hash(jobs_->at(place).id), part.places.size());
    while (part.places[at] != nowhere) at = at + 1 == part.places.size() ? 0 : at + 1;
    part.places[at] = place;
}

void IdIndex::resize(Part& part, std::size_t size) {
    std::vector<Place> old(size, nowhere);
    old.swap(part.places);
    for (const Place place : old)
        if (place != nowhere) put(part, place);
}

void IdIndex::add(JobId id, Place place) {
    const auto number = hash(id) % parts_.size();
    Part& part = parts_[number];
    if (part.places.empty()) {
        // Sizes spread over a factor of 1.5, the step of growth: parts of equal load grow one after another.
        const double spread = std::pow(1.5, static_cast<double>(number) / static_cast<double>(parts_.size()));
        resize(part, static_cast<std::size_t>(static_cast<double>(smallest_part) * spread));
    }
    if (is_full(part.used + 1, part.places.size())) resize(part, part.places.size() * 3 / 2);
    put(part, place);
    ++part.used;
    newest_ = std::max(newest_, id);
}

void IdIndex::remove(JobId id) noexcept {
    const std::uint64_t h = hash(id);
    Part& part = parts_[h % parts_.size()];
    const std::size_t size = part.places.size();
    const auto after = [size](std::size_t at) { return at + 1 == size ? 0 : at + 1; };
    std::size_t hole = home(h, size);
    while (jobs_->at(part.places[hole]).id != id) hole = after(hole);
    // Those behind close up, as long as that does not bring one before its home.
    for (std::size_t at = after(hole); part.places[at] != nowhere; at = after(at)) {
        const std::size_t wanted = home(hash(jobs_->at(part.places[at]).id), size);
        const bool between = hole < at ? (hole < wanted && wanted <= at) : (hole < wanted || wanted <= at);
        if (between) continue;
        part.places[hole] = part.places[at];
        hole = at;
    }
    part.places[hole] = nowhere;
    --part.used;
    if (part.places.size() > 4 * smallest_part && part.used * 5 < part.places.size()) resize(part, size / 2);
}

std::size_t IdIndex::memory_bytes() const noexcept {
    std::size_t bytes = sizeof *this;
    for (const Part& part : parts_) bytes += part.places.capacity() * sizeof(Place);
    return bytes;
}

Place JobTable::add(JobId id) {
    if (free_ == nowhere) {
        const auto first = static_cast<Place>(chunks_.size() * chunk_jobs);
        chunks_.push_back(std::make_unique<Chunk>());
        for (std::size_t i = chunk_jobs; i-- > 0;) {
            (*chunks_.back())[i].next = free_;
            free_ = first + static_cast<Place>(i);
        }
    }
    const Place place = free_;
    free_ = at(place).next;
    at(place) = JobRecord{};
    at(place).id = id;
    index_.add(id, place);
    ++size_;
    return place;
}

void JobTable::remove(Place place) noexcept {
    index_.remove(at(place).id);
    at(place) = JobRecord{};
    at(place).next = free_;
    free_ = place;
    if (--size_ > 0 || chunks_.size() == 1) return;
    // Nothing is left: what a flood took is given back.
    chunks_.clear();
    free_ = nowhere;
}

std::size_t JobTable::memory_bytes() const noexcept {
    return chunks_.size() * sizeof(Chunk) + chunks_.capacity() * sizeof(chunks_[0]) + index_.memory_bytes();
}

}  // namespace pinion::jobs
