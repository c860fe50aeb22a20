// SPDX-License-Identifier: Apache-2.0
// What a `finished` message says of each job beside its result. It is written and read by the hundred thousand a
// second, so neither builds a document.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/answer_parts.h"
#include "wire/json_scan.h"

namespace pinion::wire {

struct FinishedHead {
    std::optional<std::uint64_t> index;  // in its map
    std::uint64_t id = 0;
    std::string_view state;
    std::uint32_t attempts = 0;
    std::string_view error;  // JSON; empty: none
};

// Appends the object of one job.
void append_finished(std::string& out, const FinishedHead& job);

// One such object; nothing where it is none. Refers to `text`.
[[nodiscard]] std::optional<FinishedHead> read_finished(std::string_view text);

// Calls `visit(const FinishedHead&)` for each job of a message's head, {"jobs":[…]}. False where it is not that, or
// where `visit` gave false.
template <class Visit>
[[nodiscard]] bool visit_finished(std::string_view head, Visit&& visit) {
    bool found = false;
    const bool whole = visit_members(head, [&](std::string_view name, std::string_view value) {
        if (name != "jobs") return true;
        found = true;
        return visit_elements(value, [&](std::string_view text) {
            const auto job = read_finished(text);
            return job && visit(*job);
        });
    });
    return whole && found;
}

}  // namespace pinion::wire
