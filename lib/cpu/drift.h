// SPDX-License-Identifier: Apache-2.0
// What an audit makes of the masks that it finds: fine, to be set again, or contested. One life of a seat's worker
// after another; nothing here looks at the machine.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "base/time.h"
#include "model/cpu_set.h"

namespace pinion::cpu {

// Who may have set the mask of a thread.
enum class Suspect : std::uint8_t { kernel, somebody };
// `found` is not within `permitted`; `everything` is what a mask is that nobody has set: the kernel gives that back
// where a cpuset is switched on or changed, or the last CPU of a mask goes offline.
[[nodiscard]] Suspect suspect_of(const CpuSet& found, const CpuSet& everything) noexcept;
[[nodiscard]] const char* to_string(Suspect suspect) noexcept;

class DriftWatch {
public:
    // More repairs of one seat than that in a minute: somebody fights us.
    static constexpr std::size_t most_repairs = 5;
    static constexpr Duration window = std::chrono::minutes(1);

    enum class Verdict : std::uint8_t {
        repair,     // set the mask again
        contested,  // this is one time too many: say so, and leave it from now on
        leave,      // it is contested already
    };
    // A mask outside what is permitted was found on the worker in `slot`. `excused`: the machine has just changed,
    // which resets masks; the repair is not held against anybody.
    [[nodiscard]] Verdict drifted(const std::string& pool, std::uint32_t slot, MonotonicTime now, bool excused);

    // The operator had a say about it (restart, reload): what was is forgotten but the count.
    void forgive(const std::string& pool, std::uint32_t slot);
    void forgive_all();
    // The slot is no more.
    void forget(const std::string& pool, std::uint32_t slot);

    struct Record {
        std::uint32_t repairs = 0;  // since the slot came to be
        bool contested = false;
    };
    [[nodiscard]] Record of(const std::string& pool, std::uint32_t slot) const;
    [[nodiscard]] bool any_contested(const std::string& pool) const;

private:
    struct Seat {
        std::uint32_t repairs = 0;
        std::deque<MonotonicTime> recent;  // at most most_repairs
        bool contested = false;
    };
    std::map<std::pair<std::string, std::uint32_t>, Seat> seats_;  // those that ever drifted
};

}  // namespace pinion::cpu
