// SPDX-License-Identifier: Apache-2.0
#include "cpu/memory_nodes.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "cpu/notes.h"

namespace pinion::cpu {
namespace {

bool has_memory(const Topology& topology, std::uint32_t node) {
    return std::ranges::binary_search(topology.memory_nodes, node);
}

bool has_memory(const Topology& topology, const Seat& seat) {
    return std::ranges::any_of(seat.nodes, [&](std::uint32_t node) { return has_memory(topology, node); });
}

std::string list_of(const std::vector<std::uint32_t>& nodes) {
    CpuSet set;
    for (const std::uint32_t node : nodes) set.add(node);
    return set.empty() ? "none" : set.to_list();
}

PlanNote no_memory(const Topology& topology, const PoolSeats& pool, const Seat& first) {
    std::vector<std::uint32_t> slots;
    for (const Seat& seat : pool.seats)
        if (!has_memory(topology, seat)) slots.push_back(seat.slot);
    PlanNote note{"E_NO_MEMORY", pool.pool,
                  "memory: strict: " + slot_ranges(pool.pool, slots) +
                      " would have no memory: none that pools may use lies by the CPUs '" + first.cpus.to_list() +
                      "' (node " + list_of(first.nodes) + "); nodes with memory: " + list_of(topology.memory_nodes)};
    std::vector<std::string> ways{"memory: near"};
    if (!topology.memory_nodes.empty()) ways.emplace_back("'within' a node that has memory");
    note.message += ". Try: " + join(ways, " | ");
    note.slots = std::move(slots);
    note.cpus = first.cpus;
    return note;
}

void settle(const Topology& topology, bool choice, Seat& seat) {
    if (choice && seat.memory != MemoryPolicy::off)
        std::ranges::copy_if(seat.nodes, std::back_inserter(seat.memory_nodes),
                             [&](std::uint32_t node) { return has_memory(topology, node); });
    if (seat.memory_nodes.empty()) seat.memory = MemoryPolicy::off;
}

}  // namespace

std::vector<PlanNote> without_memory(const Topology& topology, const Plan& plan) {
    std::vector<PlanNote> errors;
    for (const PoolSeats& pool : plan.pools) {
        const auto refused = std::ranges::find_if(pool.seats, [&](const Seat& seat) {
            return seat.memory == MemoryPolicy::strict && !has_memory(topology, seat);
        });
        if (refused != pool.seats.end()) errors.push_back(no_memory(topology, pool, *refused));
    }
    return errors;
}

void settle_memory(const Topology& topology, Plan& plan) {
    const bool choice = topology.memory_nodes.size() > 1;
    for (PoolSeats& pool : plan.pools)
        for (Seat& seat : pool.seats) settle(topology, choice, seat);
}

}  // namespace pinion::cpu
