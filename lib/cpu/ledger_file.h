// SPDX-License-Identifier: Apache-2.0
// The ledger as text: what a daemon leaves to the next one of the same boot, so that its restart moves nobody.
//
//   pinion ledger 1
//   boot 4c1d…                    the kernel's boot_id
//   owner 812 48121               the daemon that wrote it: its pid, and when it was started
//   inherited 0-3                 the mask it was started with; all: none that bounds anything
//   place numa 0-3 4-7            the domains of a level by their numbers; the machine's fingerprint
//   seat api 0 own 0-1 4-5        pool, slot, own or soft, home, what it has now (none: nothing)
//   end 1                         the number of seats: the file is whole
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cpu/ledger.h"
#include "cpu/topology.h"

namespace pinion::cpu {

// A process that no later one is taken for. It stays the same when another program is executed in it.
struct ProcessName {
    std::uint32_t pid = 0;
    std::uint64_t started = 0;  // in the kernel's ticks since the boot
    bool operator==(const ProcessName&) const = default;
};

struct LedgerFile {
    std::string boot;
    ProcessName owner;
    std::optional<CpuSet> inherited;
    Places places;
    KeptSeats seats;
    bool operator==(const LedgerFile&) const = default;
};

[[nodiscard]] std::string to_text(const LedgerFile& ledger);

// The inverse. Any text is safe; the error says what is wrong with the first line that is.
[[nodiscard]] Result<LedgerFile> parse_ledger(std::string_view text);

}  // namespace pinion::cpu
