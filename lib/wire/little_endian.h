// SPDX-License-Identifier: Apache-2.0
// Numbers as little-endian bytes, whatever the machine's own order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pinion::wire {

template <std::size_t N, class T>
constexpr void put_bytes(char* at, T value) noexcept {
    for (std::size_t i = 0; i < N; ++i) at[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
}
template <std::size_t N>
[[nodiscard]] constexpr std::uint64_t take_bytes(const char* at) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < N; ++i) value |= std::uint64_t{static_cast<unsigned char>(at[i])} << (8 * i);
    return value;
}

constexpr void put_u16(char* at, std::uint16_t value) noexcept { put_bytes<2>(at, std::uint32_t{value}); }
constexpr void put_u32(char* at, std::uint32_t value) noexcept { put_bytes<4>(at, value); }
constexpr void put_u64(char* at, std::uint64_t value) noexcept { put_bytes<8>(at, value); }
[[nodiscard]] constexpr std::uint16_t take_u16(const char* at) noexcept {
    return static_cast<std::uint16_t>(take_bytes<2>(at));
}
[[nodiscard]] constexpr std::uint32_t take_u32(const char* at) noexcept {
    return static_cast<std::uint32_t>(take_bytes<4>(at));
}
[[nodiscard]] constexpr std::uint64_t take_u64(const char* at) noexcept { return take_bytes<8>(at); }

inline void append_u32(std::string& out, std::uint32_t value) {
    char bytes[4];
    put_u32(bytes, value);
    out.append(bytes, 4);
}
inline void append_u64(std::string& out, std::uint64_t value) {
    char bytes[8];
    put_u64(bytes, value);
    out.append(bytes, 8);
}

}  // namespace pinion::wire
