// SPDX-License-Identifier: Apache-2.0
// What lines and frames of workers have in common: the parts of an answer, read under the same rules from both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wire/json.h"
#include "wire/lines.h"

namespace pinion::wire {

// The error that answers for attempt `id` where its worker's answer is malformed: permanent, of type "protocol".
[[nodiscard]] LineError malformed_answer(std::uint64_t id, std::string why);

// What an error says: {"type","message","retry"?,"after"?}, or a text. One that is neither is malformed.
[[nodiscard]] LineError parse_error(std::uint64_t id, std::string_view raw);

// What {"progress"?,"note"?} says; members of another kind say nothing.
[[nodiscard]] LineProgress parse_progress(std::uint64_t id, std::string_view raw);

// Of a push all but its input: {"pool","priority"?,"delay"?}; nothing where it is malformed. Other members are ignored.
[[nodiscard]] std::optional<LinePush> parse_push(const Json& head);

// The id of a line that begins as an answer does, `{"id":7,`, for lines that are too long to be parsed.
[[nodiscard]] std::optional<std::uint64_t> leading_id(std::string_view line);

// A decimal number, digits only.
[[nodiscard]] std::optional<std::uint64_t> parse_id(std::string_view raw);

// A text of a worker's, at most limits::max_note_bytes of it, cut between characters.
[[nodiscard]] std::string note_text(const Json* value, const char* otherwise);

}  // namespace pinion::wire
