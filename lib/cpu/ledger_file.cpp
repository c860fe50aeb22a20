// SPDX-License-Identifier: Apache-2.0
#include "cpu/ledger_file.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "base/text.h"
#include "model/limits.h"

namespace pinion::cpu {
namespace {

constexpr std::string_view first_line = "pinion ledger 1";
constexpr std::string_view level_words[] = {"core", "l3", "numa", "package"};
constexpr std::size_t longest_boot_id = 64;

using Words = std::vector<std::string_view>;

std::string list_or(const CpuSet& cpus, std::string_view empty) {
    return cpus.empty() ? std::string(empty) : cpus.to_list();
}

std::optional<CpuSet> read_list(std::string_view text) {
    auto cpus = CpuSet::parse(text);
    if (!cpus || cpus->empty()) return std::nullopt;
    return *std::move(cpus);
}

std::optional<std::uint32_t> read_number(std::string_view text, long long most) {
    const auto number = parse_integer(text);
    if (!number || *number < 0 || *number > most) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

bool read_place(const Words& words, Places& places) {
    const auto* const level = std::ranges::find(level_words, words[1]);
    if (level == std::end(level_words)) return false;
    std::vector<CpuSet>& domains = places.levels[static_cast<std::size_t>(level - std::begin(level_words))];
    if (!domains.empty() || words.size() - 2 > limits::max_cpus) return false;
    CpuSet all;
    for (std::size_t i = 2; i < words.size(); ++i) {
        const auto cpus = read_list(words[i]);
        if (!cpus || cpus->intersects(all)) return false;
        all |= *cpus;
        domains.push_back(*cpus);
    }
    return true;
}

bool read_seat(const Words& words, KeptSeats& seats) {
    if (words.size() != 6 || !is_name(words[1]) || seats.size() >= limits::max_workers) return false;
    const auto slot = read_number(words[2], limits::max_workers_per_pool - 1);
    const auto home = read_list(words[4]);
    const auto seat = words[5] == "none" ? CpuSet{} : read_list(words[5]);
    if (!slot || !home || !seat || (words[3] != "own" && words[3] != "soft")) return false;
    KeptSeat kept{std::string(words[1]), *slot, *home, *seat, words[3] == "own"};
    if (!seats.empty() && std::tie(seats.back().pool, seats.back().slot) >= std::tie(kept.pool, kept.slot))
        return false;
    seats.push_back(std::move(kept));
    return true;
}

// What a reading has seen besides what it fills in.
struct Seen {
    bool boot = false;
    bool owner = false;
    bool inherited = false;
    bool end = false;
};

bool read_line(const Words& words, LedgerFile& ledger, Seen& seen) {
    if (seen.end || words.size() < 2) return false;
    if (words[0] == "place") return words.size() > 2 && read_place(words, ledger.places);
    if (words[0] == "seat") return read_seat(words, ledger.seats);
    if (words[0] == "owner" && words.size() == 3) {
        const auto pid = read_number(words[1], INT32_MAX);
        const auto started = parse_integer(words[2]);
        if (std::exchange(seen.owner, true) || !pid || !started || *started < 0) return false;
        ledger.owner = {*pid, static_cast<std::uint64_t>(*started)};
        return true;
    }
    if (words.size() != 2) return false;
    if (words[0] == "boot") {
        ledger.boot = words[1];
        return !std::exchange(seen.boot, true) && words[1].size() <= longest_boot_id;
    }
    if (words[0] == "inherited") {
        if (words[1] != "all") ledger.inherited = read_list(words[1]);
        return !std::exchange(seen.inherited, true) && (words[1] == "all" || ledger.inherited);
    }
    seen.end = true;
    return words[0] == "end" && read_number(words[1], limits::max_workers) == ledger.seats.size();
}

}  // namespace

std::string to_text(const LedgerFile& ledger) {
    std::string text(first_line);
    text += "\nboot " + ledger.boot + "\nowner " + std::to_string(ledger.owner.pid) + " " +
            std::to_string(ledger.owner.started) + "\ninherited " +
            (ledger.inherited ? ledger.inherited->to_list() : "all") + "\n";
    for (std::size_t level = 0; level < std::size(level_words); ++level) {
        if (ledger.places.levels[level].empty()) continue;
        text += "place " + std::string(level_words[level]);
        for (const CpuSet& domain : ledger.places.levels[level]) text += " " + domain.to_list();
        text += "\n";
    }
    for (const KeptSeat& seat : ledger.seats)
        text += "seat " + seat.pool + " " + std::to_string(seat.slot) + (seat.exclusive ? " own " : " soft ") +
                seat.home.to_list() + " " + list_or(seat.seat, "none") + "\n";
    return text + "end " + std::to_string(ledger.seats.size()) + "\n";
}

Result<LedgerFile> parse_ledger(std::string_view text) {
    if (text.empty()) return fail("it is empty");
    if (!text.ends_with('\n')) return fail("its last line has no end");
    text.remove_suffix(1);
    LedgerFile ledger;
    Seen seen;
    std::size_t number = 0;
    for (const std::string_view line : split(text, '\n')) {
        ++number;
        const bool sound = number == 1 ? line == first_line : read_line(split(line, ' '), ledger, seen);
        if (!sound) return fail("line " + std::to_string(number) + " is not understood");
    }
    if (!seen.end || !seen.boot || !seen.owner || !seen.inherited) return fail("lines are missing");
    return ledger;
}

}  // namespace pinion::cpu
