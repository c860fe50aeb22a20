// SPDX-License-Identifier: Apache-2.0
// Strong ids: numbers of different kinds that can't be mixed up.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace pinion {

// A number of kind `Tag`. Ordered and hashable; no arithmetic but `next`.
template <class Tag, class Rep = std::uint32_t>
struct StrongId {
    Rep value = 0;
    auto operator<=>(const StrongId&) const = default;
    [[nodiscard]] constexpr StrongId next() const { return StrongId{static_cast<Rep>(value + 1)}; }
};

// A place in a pool; counts from 0.
using Slot = StrongId<struct SlotTag>;
// Which life in a slot; the first worker of a slot has generation 1. Never reused while the daemon lives.
using Generation = StrongId<struct GenerationTag, std::uint64_t>;

// How the core names a process. A pid never appears in the core: a late event of an older generation is dropped by
// comparison, so the reuse of pids can't reach a decision.
struct WorkerId {
    std::string pool;
    Slot slot;
    Generation generation;
    auto operator<=>(const WorkerId&) const = default;
};

// "web/3": how people name a slot.
[[nodiscard]] inline std::string slot_name(const std::string& pool, Slot slot) {
    return pool + "/" + std::to_string(slot.value);
}

}  // namespace pinion

template <class Tag, class Rep>
struct std::hash<pinion::StrongId<Tag, Rep>> {
    std::size_t operator()(const pinion::StrongId<Tag, Rep>& id) const noexcept { return std::hash<Rep>{}(id.value); }
};
