// SPDX-License-Identifier: Apache-2.0
#include "cpu/starved.h"

namespace pinion::cpu {

bool StarvedWatch::looked(const WorkerId& worker, std::uint32_t runnable, std::uint32_t room, MonotonicTime now) {
    const std::pair key(worker.pool, worker.slot.value);
    const auto found = hungry_.find(key);
    if (runnable <= room) {
        // A life that was told of is not told of again.
        if (found == hungry_.end()) return false;
        if (found->second.told && found->second.life == worker.generation)
            found->second.last = {};
        else
            hungry_.erase(found);
        return false;
    }
    if (found == hungry_.end() || found->second.life != worker.generation) {
        hungry_[key] = {.life = worker.generation, .since = now, .last = now};
        return false;
    }
    Hunger& hunger = found->second;
    if (now - hunger.last > gap_) hunger.since = now;
    hunger.last = now;
    if (hunger.told || now - hunger.since < patience) return false;
    return hunger.told = true;
}

}  // namespace pinion::cpu
