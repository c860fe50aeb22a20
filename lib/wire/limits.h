// SPDX-License-Identifier: Apache-2.0
// The bounds of what workers and clients send. Each is tested at the bound and one past it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pinion::wire::limits {

inline constexpr std::size_t max_payload_bytes = 16 << 20;  // of one input or one result
// A worker's line or a frame: a payload and what is around it.
inline constexpr std::size_t max_answer_bytes = max_payload_bytes + (64 << 10);
inline constexpr std::size_t max_stray_bytes = 4096;  // kept of a line that was no answer
inline constexpr std::size_t max_note_bytes = 1024;   // of a progress note, an error's type or its message
inline constexpr std::size_t max_pushes = 1024;       // new jobs that one result may bring
inline constexpr std::size_t max_items = 65'536;      // of one body: jobs of one submit
inline constexpr std::uint32_t max_priority = 9;

}  // namespace pinion::wire::limits
