// SPDX-License-Identifier: Apache-2.0
#include "jobs/semaphores.h"

#include <algorithm>

namespace pinion::jobs {

std::uint32_t Semaphores::number(const std::string& name) {
    const auto [place, fresh] = numbers_.try_emplace(name, static_cast<std::uint32_t>(all_.size()));
    if (fresh) all_.push_back({name, 0, 0});
    return place->second;
}

void Semaphores::declare(const std::map<std::string, std::uint32_t>& permits) {
    for (One& one : all_) one.permits = 0;
    for (const auto& [name, count] : permits) all_[number(name)].permits = count;
}

NeedsPtr Semaphores::needs(const std::map<std::string, std::uint32_t>& permits) {
    Needs needs;
    for (const auto& [name, count] : permits)
        if (count > 0) needs.emplace_back(number(name), count);
    if (needs.empty()) return nullptr;
    return std::make_shared<const Needs>(std::move(needs));
}

std::size_t Semaphores::missing(std::uint32_t pool, const Needs& needs) const {
    for (std::size_t i = 0; i < needs.size(); ++i) {
        const auto [wanted, count] = needs[i];
        if (all_[wanted].permits - all_[wanted].held < std::int64_t{count}) return i;
        for (const Waiter& earlier : queue_) {
            if (earlier.pool == pool) break;
            if (std::ranges::any_of(*earlier.needs, [wanted](const auto& need) { return need.first == wanted; }))
                return i;
        }
    }
    return needs.size();
}

bool Semaphores::acquire(std::uint32_t pool, const NeedsPtr& needs) {
    const bool possible = std::ranges::all_of(
        *needs, [this](const auto& need) { return all_[need.first].permits >= std::int64_t{need.second}; });
    if (!possible) {  // with a ticket it would hold the others up for ever
        leave(pool);
        return false;
    }
    if (missing(pool, *needs) < needs->size()) {
        const auto mine = std::ranges::find(queue_, pool, &Waiter::pool);
        if (mine == queue_.end())
            queue_.push_back({pool, needs});
        else
            mine->needs = needs;
        return false;
    }
    leave(pool);
    for (const auto& [number, count] : *needs) all_[number].held += count;
    return true;
}

void Semaphores::release(const Needs& needs) {
    for (const auto& [number, count] : needs) all_[number].held -= count;
}

void Semaphores::leave(std::uint32_t pool) {
    std::erase_if(queue_, [pool](const Waiter& waiter) { return waiter.pool == pool; });
}

std::vector<std::uint32_t> Semaphores::waiting() const {
    std::vector<std::uint32_t> pools;
    for (const Waiter& waiter : queue_) pools.push_back(waiter.pool);
    return pools;
}

}  // namespace pinion::jobs
