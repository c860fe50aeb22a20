// SPDX-License-Identifier: Apache-2.0
// Reading the journal back, for `pinionctl logs`: the entries of one pool or slot, oldest first, and new ones as they
// come.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "log/record.h"

namespace pinion::log {

struct JournalQuery {
    std::string pool;
    std::optional<std::uint32_t> slot;
    std::size_t last = 10;  // how many of the newest to begin with
    std::string folder;     // instead of the system's journal; for tests
};

struct JournalEntry {
    WallTime at;
    Priority priority = Priority::info;
    std::string message;
    std::string pool;
    std::string slot;
    std::string event;  // PINION_EVENT, empty for output
};

class JournalReader {
public:
    // Fails where there is no journal or no right to read it; the sentence says which.
    [[nodiscard]] static Result<JournalReader> open(const JournalQuery& query);
    JournalReader(JournalReader&&) noexcept;
    JournalReader& operator=(JournalReader&&) noexcept;
    ~JournalReader();

    // The next entry; nothing at the end.
    [[nodiscard]] Result<std::optional<JournalEntry>> next();
    // Blocks until there may be more, or until `timeout`; a signal ends it with EINTR.
    [[nodiscard]] Result<void> wait(Duration timeout);

private:
    struct State;
    explicit JournalReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace pinion::log
