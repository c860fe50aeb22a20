// SPDX-License-Identifier: Apache-2.0
// What the domains of a machine are called, remembered while CPUs come and go. It also tells one machine from another.
#pragma once

#include "cpu/topology.h"

namespace pinion::cpu {

[[nodiscard]] Places places_of(const Topology& topology);

// Gives `topology` the numbers of `earlier`; domains not seen then are added after them. Where the two contradict each
// other (what is one domain now was two) it is another machine: false, and nothing is changed.
[[nodiscard]] bool take_places(Topology& topology, const Places& earlier);

}  // namespace pinion::cpu
