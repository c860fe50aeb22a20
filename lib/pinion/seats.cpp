// SPDX-License-Identifier: Apache-2.0
#include "pinion/seats.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "cpu/ledger.h"
#include "cpu/machine.h"
#include "cpu/universe.h"
#include "pinion/globals.h"

namespace pinion::inline v0 {
namespace {

struct Machine {
    cpu::Topology topology;
    cpu::Universe universe;
};

Result<Machine> read_machine() {
    PINION_TRY(topology, cpu::read_machine());
    PINION_TRY(limits, cpu::read_limits());
    auto universe = cpu::universe_of(limits, topology, MachineSpec{});
    return Machine{std::move(topology), std::move(universe)};
}

// All pools of this process that have seats. Pools that come and go don't move the others.
struct Registry {
    std::vector<cpu::PoolRequest> requests;
    cpu::Ledger ledger;
    unsigned made = 0;
};

Registry& registry() {
    static Registry all;
    return all;
}

cpu::PoolRequest request_for(std::string name, unsigned workers, SeatKind kind) {
    CpuRequest wish = CpuAuto{};
    if (kind == SeatKind::core) wish = CpuExclusive{};
    return {std::move(name), WorkerCount{.number = workers}, wish};
}

std::string error_of(const cpu::Plan& plan) {
    return plan.errors.empty() ? std::string("no seats") : to_string(plan.errors.front());
}

}  // namespace

unsigned usable_cpus() {
    const auto limits = cpu::read_limits();
    if (!limits) return 1;
    const CpuSet cpus = limits->effective.empty() ? limits->inherited : limits->inherited & limits->effective;
    unsigned count = cpus.count();
    if (limits->quota) count = std::min(count, static_cast<unsigned>(std::ceil(*limits->quota)));
    return std::max(count, 1U);
}

Seats::Seats(unsigned workers, SeatKind kind) {
    // Already here: what reads the machine has globals of its own.
    const std::lock_guard guard(globals_mutex());
    const auto machine = read_machine();
    if (!machine) {
        if (kind == SeatKind::soft) return;
        throw std::runtime_error("pin workers: " + machine.error().message);
    }
    Registry& all = registry();
    auto requests = all.requests;
    requests.push_back(request_for("pool" + std::to_string(all.made++), workers, kind));
    const std::string name = requests.back().pool;
    const cpu::Plan plan = cpu::plan(machine->topology, machine->universe, requests, all.ledger);
    const cpu::PoolSeats* mine = plan.find(name);
    if (mine == nullptr) {
        if (kind == SeatKind::soft) return;
        throw std::runtime_error("pin workers: " + error_of(plan));
    }
    for (const cpu::Seat& seat : mine->seats) {
        const auto cpus = seat.mask.members();
        seats_.emplace_back(cpus.begin(), cpus.end());
    }
    all.ledger = cpu::next_ledger(all.ledger, plan, cpu::resolve(machine->topology, machine->universe).cpus);
    all.requests = std::move(requests);
    name_ = name;
}

Seats::Seats(Seats&& other) noexcept : name_(std::exchange(other.name_, "")), seats_(std::move(other.seats_)) {}

Seats& Seats::operator=(Seats&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(seats_, other.seats_);
    return *this;
}

Seats::~Seats() {
    if (name_.empty()) return;
    Registry& all = registry();
    const std::lock_guard guard(globals_mutex());
    std::erase_if(all.requests, [this](const auto& request) { return request.pool == name_; });
    std::erase_if(all.ledger, [this](const auto& entry) { return entry.pool == name_; });
}

const std::vector<unsigned>& Seats::of(unsigned worker) const {
    static const std::vector<unsigned> none;
    return worker < seats_.size() ? seats_[worker] : none;
}

}  // namespace pinion::inline v0
