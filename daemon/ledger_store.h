// SPDX-License-Identifier: Apache-2.0
// The ledger's file in the runtime folder: read once at start, replaced whole when seats have changed.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cpu/ledger_file.h"

namespace pinion::daemon {

class LedgerStore {
public:
    // `boot`: this boot's id; of another boot's ledger nothing is true any more.
    LedgerStore(std::string folder, std::string boot);

    // What a daemon of this boot left. Nothing where there is no file; the error says why one can't be used.
    [[nodiscard]] Result<std::optional<cpu::LedgerFile>> read() const;

    // Writes `ledger`, whose boot is filled in, where it differs from what was written last. A reader sees the old file
    // or the new one.
    [[nodiscard]] Result<void> write(cpu::LedgerFile ledger);

private:
    std::string path_;
    std::string boot_;
    std::string written_;
};

[[nodiscard]] std::string read_boot_id();

}  // namespace pinion::daemon
