// SPDX-License-Identifier: Apache-2.0
// Which CPUs a pool's workers sit on: the daemon's plan (lib/cpu), over all pools of this process together.
#pragma once

#include <string>
#include <vector>

namespace pinion::inline v0 {

// How many CPUs this process may use, by its mask and by the quota of its cgroups, rounded up; at least one.
[[nodiscard]] unsigned usable_cpus();

enum class SeatKind { soft, core };

// The seats of one pool, given back when it goes.
class Seats {
public:
    // One seat a worker. Soft seats are a wish: where the machine can't be read there are none, and workers float.
    // Throws std::runtime_error where there are too few cores for seats of a core each.
    Seats(unsigned workers, SeatKind kind);
    Seats() = default;  // none: all float
    Seats(const Seats&) = delete;
    Seats& operator=(const Seats&) = delete;
    Seats(Seats&& other) noexcept;
    Seats& operator=(Seats&& other) noexcept;
    ~Seats();

    // Empty: not pinned.
    [[nodiscard]] const std::vector<unsigned>& of(unsigned worker) const;

private:
    std::string name_;  // of the request; empty: none
    std::vector<std::vector<unsigned>> seats_;
};

}  // namespace pinion::inline v0
