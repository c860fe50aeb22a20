// SPDX-License-Identifier: Apache-2.0
#include "ctl/machine_drawing.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "cpu/domain.h"
#include "cpu/notes.h"
#include "cpu/universe.h"
#include "model/limits.h"

namespace pinion::ctl {

namespace {

using cpu::Domain;
using cpu::DomainType;

constexpr std::array drawn_types{DomainType::package, DomainType::numa, DomainType::l3};

// "A", …, "Z", "AA", "AB", …
std::string letter_of(std::size_t number) {
    std::string letter;
    for (++number; number > 0; number = (number - 1) / 26) letter += static_cast<char>('A' + (number - 1) % 26);
    std::ranges::reverse(letter);
    return letter;
}

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(c - 'A' + 'a');
    return text;
}

std::string how_text(const cpu::PoolSeats& pool) {
    if (pool.seats.empty()) return "no workers";
    const cpu::Seat& first = pool.seats.front();
    if (first.exclusive) return cpu::counted(pool.seats.size(), "exclusive seat");
    return cpu::counted(pool.seats.size(), "worker") + (first.cpus.empty() ? ", floating" : ", soft");
}

// The letters go to pools with seats, so that the first ones are seen in the drawing.
std::vector<DrawnPool> draw_pools(const cpu::Plan& plan) {
    std::vector<DrawnPool> pools;
    std::size_t lettered = 0;
    for (const cpu::PoolSeats& pool : plan.pools) {
        DrawnPool& drawn = pools.emplace_back();
        drawn.name = pool.pool;
        drawn.how = how_text(pool);
        for (const cpu::Seat& seat : pool.seats) drawn.cpus |= seat.cpus.empty() ? seat.mask : seat.cpus;
        if (pool.seats.empty() || pool.seats.front().cpus.empty()) continue;
        drawn.letter = letter_of(lettered++);
        if (!pool.seats.front().exclusive) drawn.letter = lower(drawn.letter);
    }
    return pools;
}

class Painter {
public:
    Painter(const cpu::Topology& topology, const cpu::UsableCpus& usable, const cpu::Plan& plan)
        : topology_(topology), marks_(limits::max_cpus, Mark{.kind = Mark::Kind::outside}) {
        for (const std::uint32_t cpu : usable.cpus.members()) marks_[cpu].kind = Mark::Kind::shared;
        for (const std::uint32_t cpu : usable.reserved.members()) marks_[cpu].kind = Mark::Kind::reserved;
        for (std::size_t pool = 0; pool < plan.pools.size(); ++pool)
            for (const cpu::Seat& seat : plan.pools[pool].seats) sit(pool, seat);
        for (std::size_t pool = 0; pool < plan.pools.size(); ++pool)
            for (const cpu::Seat& seat : plan.pools[pool].seats) idle_rest(pool, seat, usable.cpus - plan.shared);
    }

    [[nodiscard]] const Mark& mark(std::uint32_t cpu) const { return marks_[cpu]; }

    DrawnDomain draw(const Domain& domain) {
        DrawnDomain drawn;
        std::vector<std::string> names;
        for (const DomainType type : drawn_types)
            if (cpu::has_type(domain, type))
                names.push_back(std::string(to_string(type)) + " " + std::to_string(counts_[type]++));
        drawn.name = join(names, ", ");
        drawn.cpus = domain.cpus;
        if (is_core(domain))
            add_core(domain, drawn);
        else
            for (const Domain& child : domain.children) add(child, drawn);
        return drawn;
    }
    [[nodiscard]] std::uint32_t count(DomainType type) const {
        const auto found = counts_.find(type);
        return found == counts_.end() ? 0 : found->second;
    }

private:
    void sit(std::size_t pool, const cpu::Seat& seat) {
        for (const std::uint32_t cpu : seat.cpus.members()) {
            Mark& mark = marks_[cpu];
            const std::size_t before = mark.workers;
            if (before == 0)
                mark = {seat.exclusive ? Mark::Kind::seat : Mark::Kind::soft, pool, seat.slot, 1};
            else
                mark.workers = before + 1;
        }
    }

    // The sibling that `smt: one` idles belongs to its core's seat: nobody has it, and it is not shared either.
    void idle_rest(std::size_t pool, const cpu::Seat& seat, const CpuSet& taken) {
        if (!seat.exclusive) return;
        for (const std::uint32_t cpu : (cpu::whole_cores(topology_, seat.cpus) & taken).members())
            if (marks_[cpu].kind == Mark::Kind::shared) marks_[cpu] = {Mark::Kind::idle, pool, seat.slot, 0};
    }

    [[nodiscard]] static bool is_core(const Domain& domain) {
        return cpu::has_type(domain, DomainType::core) || cpu::has_type(domain, DomainType::pu);
    }

    // A child that is drawn as a frame becomes one; of any other (a group, an L2 cache) the cores count as the
    // parent's.
    void add(const Domain& child, DrawnDomain& drawn) {
        const bool framed =
            std::ranges::any_of(drawn_types, [&](DomainType type) { return cpu::has_type(child, type); });
        if (framed) {
            drawn.children.push_back(draw(child));
            return;
        }
        if (is_core(child)) return add_core(child, drawn);
        for (const Domain& below : child.children) add(below, drawn);
    }

    void add_core(const Domain& core, DrawnDomain& drawn) {
        std::vector<DrawnThread> threads;
        add_threads(core, threads);
        const std::string kind = kind_of(core.cpus);
        if (drawn.rows.empty() || drawn.rows.back().kind != kind) drawn.rows.push_back({.kind = kind, .cores = {}});
        drawn.rows.back().cores.push_back(std::move(threads));
    }

    void add_threads(const Domain& domain, std::vector<DrawnThread>& threads) const {
        if (domain.children.empty())
            for (const std::uint32_t cpu : domain.cpus.members()) threads.push_back({cpu, marks_[cpu]});
        for (const Domain& child : domain.children) add_threads(child, threads);
    }

    [[nodiscard]] std::string kind_of(const CpuSet& core) const {
        if (topology_.kinds.size() < 2) return "";
        return core.intersects(topology_.kinds.back().cpus) ? "performance" : "efficiency";
    }

    const cpu::Topology& topology_;
    std::vector<Mark> marks_;  // by CPU
    std::map<DomainType, std::uint32_t> counts_;
};

std::string counts_text(const Painter& painter, const cpu::Topology& topology) {
    std::vector<std::string> parts;
    const auto add = [&](std::uint64_t number, const char* noun) {
        if (number > 0) parts.push_back(cpu::counted(number, noun));
    };
    add(painter.count(DomainType::package), "package");
    add(painter.count(DomainType::numa), "NUMA node");
    add(painter.count(DomainType::l3), "L3 cache");
    add(topology.cores.size(), "core");
    add(topology.root.cpus.count(), "CPU");
    return join(parts, ", ");
}

}  // namespace

MachineDrawing draw_machine(const cpu::Topology& topology, const cpu::Universe& universe, const cpu::Plan& plan,
                            const CpuSet& offline) {
    const cpu::UsableCpus usable = cpu::resolve(topology, universe);
    Painter painter(topology, usable, plan);
    MachineDrawing drawing;
    drawing.machine = painter.draw(topology.root);
    drawing.counts = counts_text(painter, topology);
    drawing.pools = draw_pools(plan);
    drawing.shared = plan.shared;
    drawing.reserved = usable.reserved;
    drawing.outside = topology.root.cpus - usable.base;
    drawing.offline = offline;
    for (const std::uint32_t cpu : topology.root.cpus.members()) {
        drawing.idle = drawing.idle || painter.mark(cpu).kind == Mark::Kind::idle;
        drawing.crowded = drawing.crowded || painter.mark(cpu).workers > 1;
    }
    return drawing;
}

std::string label_of(const Mark& mark, const MachineDrawing& drawing) {
    switch (mark.kind) {
        case Mark::Kind::seat:
        case Mark::Kind::soft:
            return drawing.pools[mark.pool].letter + std::to_string(mark.slot) + (mark.workers > 1 ? "+" : "");
        case Mark::Kind::idle: return "~";
        case Mark::Kind::shared: return ".";
        case Mark::Kind::reserved: return "#";
        case Mark::Kind::outside: break;
    }
    return "x";
}

std::string cpus_text(const CpuSet& cpus) {
    constexpr std::size_t longest_list = 120;
    const std::string list = cpus.to_list();
    std::string text = cpu::counted(cpus.count(), "CPU");
    if (list.empty() || list.size() > longest_list) return text;
    std::vector<std::string> parts;
    for (std::string_view part : split(list, ',')) parts.emplace_back(part);
    return text + ": " + join(parts, ", ");
}

std::vector<DrawnSign> signs_of(const MachineDrawing& drawing) {
    std::vector<DrawnSign> signs;
    const auto add = [&](Mark::Kind kind, const char* meaning, CpuSet cpus) {
        if (!cpus.empty()) signs.push_back({kind, label_of({.kind = kind}, drawing), meaning, std::move(cpus)});
    };
    CpuSet vacant = drawing.shared;
    for (const DrawnPool& pool : drawing.pools)
        if (!pool.letter.empty()) vacant -= pool.cpus;
    add(Mark::Kind::shared, "shared, no worker sits here", vacant);
    add(Mark::Kind::reserved, "reserved, not for pools", drawing.reserved);
    add(Mark::Kind::outside, "not ours", drawing.outside);
    return signs;
}

}  // namespace pinion::ctl
