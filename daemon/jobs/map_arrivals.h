// SPDX-License-Identifier: Apache-2.0
// Which maps have jobs on their way to the store. The end of a map waits for them: an item that came after it would
// belong to nobody, and would be run though its map was cancelled. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "jobs/job_event.h"
#include "model/job_ids.h"

namespace pinion::daemon {

class MapArrivals {
public:
    // Jobs of a map set out together; of none where it is 0.
    void began(MapId map) {
        if (map.value != 0) ++maps_[map].orders;
    }
    // They are there, or were refused. How the map is to be sealed now, if it should have been before.
    [[nodiscard]] std::optional<jobs::MapSeal> ended(MapId map) {
        const auto found = maps_.find(map);
        if (found == maps_.end() || --found->second.orders > 0) return std::nullopt;
        const auto seal = found->second.seal;
        maps_.erase(found);
        return seal;
    }
    // Whether the map may be sealed now; if not, `ended` says when.
    [[nodiscard]] bool may_seal(MapId map, const jobs::MapSeal& seal) {
        const auto found = maps_.find(map);
        if (found == maps_.end()) return true;
        found->second.seal = seal;
        return false;
    }

private:
    struct Arriving {
        std::uint32_t orders = 0;
        std::optional<jobs::MapSeal> seal;
    };
    std::unordered_map<MapId, Arriving> maps_;
};

}  // namespace pinion::daemon
