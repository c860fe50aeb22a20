// SPDX-License-Identifier: Apache-2.0
// A set of OS CPU ids, and the kernel's list format ("0-3,8") that prints and parses it.
#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pinion {

// A value; ids are below limits::max_cpus. Ordered by its lowest differing CPU, as lists of members are: {0,4} before
// {1}, {0} before {0,4}; the empty set comes first.
class CpuSet {
public:
    CpuSet() = default;
    CpuSet(std::initializer_list<std::uint32_t> cpus);

    // "0-3,8" → {0,1,2,3,8}. The empty text is the empty set; a final newline, as files of the kernel
    // have, is ignored. An error names what is wrong: a bad number, a range that
    // runs backwards, an id at or past limits::max_cpus.
    [[nodiscard]] static Result<CpuSet> parse(std::string_view list);
    // The shortest list: "0-3,8"; "" for the empty set.
    [[nodiscard]] std::string to_list() const;

    void add(std::uint32_t cpu);
    void remove(std::uint32_t cpu) noexcept;
    [[nodiscard]] bool contains(std::uint32_t cpu) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return words_.empty(); }
    [[nodiscard]] std::uint32_t count() const noexcept;
    // The lowest CPU. The set must not be empty.
    [[nodiscard]] std::uint32_t first() const noexcept;
    [[nodiscard]] std::vector<std::uint32_t> members() const;

    [[nodiscard]] bool is_subset_of(const CpuSet& other) const noexcept;
    [[nodiscard]] bool intersects(const CpuSet& other) const noexcept;
    CpuSet& operator|=(const CpuSet& other);
    CpuSet& operator&=(const CpuSet& other);
    CpuSet& operator-=(const CpuSet& other);
    [[nodiscard]] friend CpuSet operator|(CpuSet a, const CpuSet& b) { return a |= b; }
    [[nodiscard]] friend CpuSet operator&(CpuSet a, const CpuSet& b) { return a &= b; }
    [[nodiscard]] friend CpuSet operator-(CpuSet a, const CpuSet& b) { return a -= b; }

    // 64 CPUs a word, CPU 0 in bit 0 of word 0; no trailing zero words, so that equal sets compare equal. The layout
    // that sched_setaffinity takes on a little-endian machine.
    [[nodiscard]] const std::vector<std::uint64_t>& words() const noexcept { return words_; }

    bool operator==(const CpuSet&) const = default;
    [[nodiscard]] std::strong_ordering operator<=>(const CpuSet& other) const noexcept;

private:
    void trim() noexcept;
    std::vector<std::uint64_t> words_;
};

}  // namespace pinion
