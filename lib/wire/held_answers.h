// SPDX-License-Identifier: Apache-2.0
// Shared memory in which a worker of frames keeps the answers that it holds back: what it had not sent when it was
// killed is read from there, so that no job pays for another's crash. Sent to the worker (SCM_RIGHTS) with its first
// bytes; a worker that does not take it does without.
//
//     0          8          16
//     | start    | count    | bytes … |      little-endian u64
//
// The `count` bytes are those of the worker's stream that follow its first `start` ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/little_endian.h"

namespace pinion::wire {

inline constexpr std::size_t held_header_bytes = 16;
inline constexpr std::size_t held_room = 128 << 10;
inline constexpr std::size_t held_memory_bytes = held_header_bytes + held_room;

// What of the held bytes was not received, of a stream of which `received` bytes were; empty where the memory does not
// continue that stream. `memory` is what a worker wrote: anything.
[[nodiscard]] constexpr std::string_view not_received(std::string_view memory, std::uint64_t received) noexcept {
    if (memory.size() < held_header_bytes) return {};
    const std::uint64_t start = take_u64(memory.data());
    const std::uint64_t count = take_u64(memory.data() + 8);
    const std::string_view bytes = memory.substr(held_header_bytes);
    if (count > bytes.size() || received < start || received - start > count) return {};
    return bytes.substr(0, count).substr(received - start);
}

}  // namespace pinion::wire
