// SPDX-License-Identifier: Apache-2.0
#include "model/cpu_set.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "base/check.h"
#include "base/text.h"
#include "model/limits.h"

namespace pinion {
namespace {

constexpr std::uint32_t word_bits = 64;

std::uint64_t bit(std::uint32_t cpu) noexcept { return std::uint64_t{1} << (cpu % word_bits); }

// The whole of `text` as a CPU id below the bound; the reason comes without context.
Result<std::uint32_t> parse_cpu(std::string_view text) {
    std::uint32_t cpu = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, cpu);
    if (error == std::errc::invalid_argument || end != last)
        return fail("'" + printable(text, 32) + "' is not a CPU number");
    if (error != std::errc{} || cpu >= limits::max_cpus)
        return fail("CPU " + printable(text, 32) + " is past the highest, " + std::to_string(limits::max_cpus - 1));
    return cpu;
}

struct Range {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
};

Result<Range> parse_range(std::string_view text) {
    const auto dash = text.find('-');
    PINION_TRY(first, parse_cpu(text.substr(0, dash)));
    if (dash == std::string_view::npos) return Range{first, first};
    PINION_TRY(last, parse_cpu(text.substr(dash + 1)));
    if (last < first) return fail("the range '" + std::string(text) + "' runs backwards");
    return Range{first, last};
}

}  // namespace

CpuSet::CpuSet(std::initializer_list<std::uint32_t> cpus) {
    for (const auto cpu : cpus) add(cpu);
}

Result<CpuSet> CpuSet::parse(std::string_view list) {
    CpuSet set;
    if (list.ends_with('\n')) list.remove_suffix(1);
    if (list.empty()) return set;
    for (const auto part : split(list, ',')) {
        auto range = parse_range(part);
        if (!range) return in_context("read CPU list '" + printable(list, 64) + "'", std::move(range).error());
        for (auto cpu = range->first; cpu <= range->last; ++cpu) set.add(cpu);
    }
    return set;
}

std::string CpuSet::to_list() const {
    std::string list;
    const auto cpus = members();
    for (std::size_t begin = 0; begin < cpus.size();) {
        std::size_t end = begin + 1;
        while (end < cpus.size() && cpus[end] == cpus[end - 1] + 1) ++end;
        if (!list.empty()) list += ',';
        list += std::to_string(cpus[begin]);
        if (end - begin > 1) list += '-' + std::to_string(cpus[end - 1]);
        begin = end;
    }
    return list;
}

void CpuSet::add(std::uint32_t cpu) {
    ASSERT(cpu < limits::max_cpus);
    if (words_.size() <= cpu / word_bits) words_.resize(cpu / word_bits + 1);
    words_[cpu / word_bits] |= bit(cpu);
}

void CpuSet::remove(std::uint32_t cpu) noexcept {
    if (!contains(cpu)) return;
    words_[cpu / word_bits] &= ~bit(cpu);
    trim();
}

bool CpuSet::contains(std::uint32_t cpu) const noexcept {
    return cpu / word_bits < words_.size() && (words_[cpu / word_bits] & bit(cpu)) != 0;
}

std::uint32_t CpuSet::count() const noexcept {
    int total = 0;
    for (const auto word : words_) total += std::popcount(word);
    return static_cast<std::uint32_t>(total);
}

std::uint32_t CpuSet::first() const noexcept {
    ASSERT(!empty());
    const auto word = std::ranges::find_if(words_, [](std::uint64_t bits) { return bits != 0; });
    return static_cast<std::uint32_t>(word - words_.begin()) * word_bits +
           static_cast<std::uint32_t>(std::countr_zero(*word));
}

std::vector<std::uint32_t> CpuSet::members() const {
    std::vector<std::uint32_t> cpus;
    cpus.reserve(count());
    for (std::uint32_t i = 0; i < words_.size(); ++i)
        for (std::uint64_t rest = words_[i]; rest != 0; rest &= rest - 1)
            cpus.push_back(i * word_bits + static_cast<std::uint32_t>(std::countr_zero(rest)));
    return cpus;
}

bool CpuSet::is_subset_of(const CpuSet& other) const noexcept {
    if (words_.size() > other.words_.size()) return false;
    for (std::size_t i = 0; i < words_.size(); ++i)
        if ((words_[i] & ~other.words_[i]) != 0) return false;
    return true;
}

bool CpuSet::intersects(const CpuSet& other) const noexcept {
    const auto common = std::min(words_.size(), other.words_.size());
    for (std::size_t i = 0; i < common; ++i)
        if ((words_[i] & other.words_[i]) != 0) return true;
    return false;
}

CpuSet& CpuSet::operator|=(const CpuSet& other) {
    if (words_.size() < other.words_.size()) words_.resize(other.words_.size());
    for (std::size_t i = 0; i < other.words_.size(); ++i) words_[i] |= other.words_[i];
    return *this;
}

CpuSet& CpuSet::operator&=(const CpuSet& other) {
    if (words_.size() > other.words_.size()) words_.resize(other.words_.size());
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
    trim();
    return *this;
}

CpuSet& CpuSet::operator-=(const CpuSet& other) {
    const auto common = std::min(words_.size(), other.words_.size());
    for (std::size_t i = 0; i < common; ++i) words_[i] &= ~other.words_[i];
    trim();
    return *this;
}

std::strong_ordering CpuSet::operator<=>(const CpuSet& other) const noexcept {
    const auto word_of = [](const CpuSet& set, std::size_t i) { return i < set.words_.size() ? set.words_[i] : 0; };
    const auto longest = std::max(words_.size(), other.words_.size());
    for (std::size_t i = 0; i < longest; ++i) {
        const std::uint64_t mine = word_of(*this, i);
        const std::uint64_t differing = mine ^ word_of(other, i);
        if (differing == 0) continue;
        const std::uint64_t lowest = differing & (~differing + 1);
        const bool in_mine = (mine & lowest) != 0;
        // The set without the lowest differing CPU comes later, unless nothing follows in it: then it is a prefix.
        const CpuSet& without = in_mine ? other : *this;
        const bool is_prefix = i + 1 >= without.words_.size() && word_of(without, i) < lowest;
        return in_mine == is_prefix ? std::strong_ordering::greater : std::strong_ordering::less;
    }
    return std::strong_ordering::equal;
}

void CpuSet::trim() noexcept {
    while (!words_.empty() && words_.back() == 0) words_.pop_back();
}

}  // namespace pinion
