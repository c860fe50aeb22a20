// SPDX-License-Identifier: Apache-2.0
// What single values can't tell: combinations that contradict each other, and rules across pools.
#pragma once

#include <initializer_list>
#include <map>
#include <string>

#include "config/draft.h"
#include "config/reader.h"

namespace pinion::config {

// One pool as it was read.
struct ReadPool {
    Place place;  // of its name
    Draft draft;
    KeyPlaces places;
};

// The first of the keys that is written, else the pool.
[[nodiscard]] Place place_of(const ReadPool& pool, std::initializer_list<const char*> keys);
// Whether the pool itself says it; what it inherits may be meant for others.
[[nodiscard]] bool says(const ReadPool& pool, const char* key);
// Whether one of the keys was refused: what follows from its default then is nobody's mistake.
[[nodiscard]] bool failed(const ReadPool& pool, std::initializer_list<const char*> keys);

// Within one pool. `workers: auto` with explicit seats becomes the number of seats.
void check_pool(ReadPool& pool, Report& report);

// Across pools: the bound on all workers, and `start.after` (unknown pools, circles). Each circle is reported once.
// Unless `complete`, some pools could not be read, and a pool that is not there is no error.
void check_pools(const std::map<std::string, ReadPool>& pools, bool complete, Report& report);

}  // namespace pinion::config
