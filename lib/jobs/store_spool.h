// SPDX-License-Identifier: Apache-2.0
// Payloads and results that are too large for a row: a file each, in one folder. A file is whole on the disk, its name
// included, before a row speaks of it; a file of which no row speaks is an orphan of a crash, removed at start.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pinion::jobs {

class Spool {
public:
    // Makes the folder if it is not there. `nonce` sets the names of this run apart from those of all others.
    [[nodiscard]] static Result<Spool> open(std::string folder, std::uint64_t nonce);

    // Writes a new file and gives its name; makes the folder anew if it was taken away. On an error (ENOSPC: no room;
    // with `sync_failed` set the disk can't be trusted any more) nothing is left of it. `sync` false: it need not
    // survive the loss of power.
    [[nodiscard]] Result<std::string> write(std::string_view data, bool sync, bool& sync_failed);
    [[nodiscard]] Result<std::string> read(std::string_view name) const;
    // One that is gone already is no error.
    void remove(std::string_view name) const;
    // Removes all files that `is_known` denies.
    [[nodiscard]] Result<std::uint64_t> sweep(const std::function<bool(const std::string&)>& is_known) const;

private:
    [[nodiscard]] bool remake() const;

    std::string folder_;
    std::uint64_t nonce_ = 0;
    std::uint64_t next_ = 1;
};

}  // namespace pinion::jobs
