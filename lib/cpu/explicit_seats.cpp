// SPDX-License-Identifier: Apache-2.0
#include "cpu/explicit_seats.h"

#include <algorithm>

#include "cpu/notes.h"

namespace pinion::cpu {
namespace {

std::string seat_text(std::size_t index, const CpuSet& seat) {
    return "seat " + std::to_string(index) + " (" + seat.to_list() + ")";
}

// ", 2 reserved (0,8)" for a part that is not empty.
std::string part(const CpuSet& cpus, const std::string& what) {
    if (cpus.empty()) return {};
    return ", " + std::to_string(cpus.count()) + " " + what + " (" + cpus.to_list() + ")";
}

PlanNote not_allowed(const Context& context, const GivenSeats& given, std::size_t index) {
    const CpuSet& seat = given.seats[index];
    const UsableCpus& usable = context.usable;
    const CpuSet offline = seat - context.topology.root.cpus;
    const CpuSet forbidden = seat - offline - context.universe.allowed;
    const CpuSet excluded = seat - offline - forbidden - usable.base;
    PlanNote note{"E_CPU_NOT_ALLOWED", given.pool, "seat " + std::to_string(index) + " names no CPU"};
    note.slots = {static_cast<std::uint32_t>(index)};
    note.wanted = 1;
    note.missing = 1;
    if (seat.empty()) return note;
    note.cpus = seat - usable.cpus;
    note.wanted = seat.count();
    note.missing = note.cpus.count();
    note.message = seat_text(index, seat) + " wants " + counted(seat.count(), "CPU") + ": " +
                   std::to_string((seat & usable.cpus).count()) + " usable" + part(seat & usable.reserved, "reserved") +
                   part(excluded, "outside machine.cpus") + part(forbidden, "not allowed to this process") +
                   part(offline, "offline or not there") + ". Short by " + std::to_string(note.missing) +
                   ". Pools may use the CPUs '" + usable.cpus.to_list() + "'";
    return note;
}

PlanNote overlap_within(const GivenSeats& given, std::size_t first, std::size_t second) {
    const CpuSet both = given.seats[first] & given.seats[second];
    PlanNote note{"E_CONFLICT", given.pool, {}};
    note.slots = {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(second)};
    note.cpus = both;
    note.wanted = given.seats[second].count();
    note.missing = both.count();
    note.message = seat_text(second, given.seats[second]) + " overlaps " + seat_text(first, given.seats[first]) +
                   " in " + counted(both.count(), "CPU") + " (" + both.to_list() + "): a seat belongs to one worker";
    return note;
}

PlanNote overlap_with_others(const Claims& claims, const GivenSeats& given, std::size_t index) {
    const CpuSet& seat = given.seats[index];
    std::string held;
    for (const auto& [pool, slots] : claims.by_pool()) {
        std::vector<std::uint32_t> touched;
        CpuSet cpus;
        for (const auto& [slot, claimed] : slots) {
            if (!claimed.intersects(seat)) continue;
            touched.push_back(slot);
            cpus |= claimed & seat;
        }
        held += part(cpus, "held by pool '" + pool + "', " + slot_ranges(pool, touched));
    }
    held += part((seat & given.kept_out) - claims.all(), "kept to itself by another pool's 'keep_out'");
    PlanNote note{"E_CONFLICT", given.pool, {}};
    note.slots = {static_cast<std::uint32_t>(index)};
    note.cpus = seat & (claims.all() | given.kept_out);
    note.wanted = seat.count();
    note.missing = note.cpus.count();
    note.message = seat_text(index, seat) + " wants " + counted(seat.count(), "CPU") + ": " +
                   std::to_string(note.wanted - note.missing) + " free" + held + ". Short by " +
                   std::to_string(note.missing) + ". Try: name other CPUs in one of the pools";
    return note;
}

}  // namespace

std::optional<PlanNote> check_given(const Context& context, const Claims& claims, const GivenSeats& given) {
    for (std::size_t i = 0; i < given.seats.size(); ++i)
        if (!given.absent.contains(static_cast<std::uint32_t>(i)) &&
            (given.seats[i].empty() || !given.seats[i].is_subset_of(context.usable.cpus)))
            return not_allowed(context, given, i);
    if (given.workers > given.seats.size()) return seats_short(given.pool, given.workers, given.seats.size());

    CpuSet seen;
    for (std::size_t i = 0; i < given.seats.size(); ++i) {
        if (given.seats[i].intersects(seen))
            for (std::size_t j = 0; j < i; ++j)
                if (given.seats[i].intersects(given.seats[j])) return overlap_within(given, j, i);
        seen |= given.seats[i];
    }
    for (std::size_t i = 0; i < given.workers; ++i)
        if (given.seats[i].intersects(claims.all() | given.kept_out)) return overlap_with_others(claims, given, i);
    return std::nullopt;
}

std::uint32_t cores_touched(const Context& context, const CpuSet& cpus) {
    return static_cast<std::uint32_t>(
        std::ranges::count_if(context.topology.cores, [&](const CpuSet& core) { return core.intersects(cpus); }));
}

}  // namespace pinion::cpu
