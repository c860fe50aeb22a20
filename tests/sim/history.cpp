// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <csignal>
#include <iterator>
#include <memory>

namespace pinion::sim {

std::vector<std::string> History::run(std::uint64_t events) {
    const auto broken = [&] { return !checker.violations().empty() || !world.violations.empty(); };
    for (std::uint64_t turn = 0; world.events < events && !broken(); ++turn) {
        if (world.random.one_in(12)) {
            act();
        } else if (!world.advance(world.now + 30s)) {
            act();
        }
        if (turn % 64 == 0) checker.check_views(world);
    }
    if (!broken()) calm_down();
    if (!broken()) shut_down();
    auto all = checker.violations();
    all.insert(all.end(), world.violations.begin(), world.violations.end());
    return all;
}

void History::act() {
    switch (world.random.below(8)) {
        case 0:
        case 1:
        case 2: return declare();
        case 3:
            if (const auto name = any_declared(); !name.empty()) {
                declared_.erase(name);
                // Those that name it are declared anew without it, as a configuration that names it would be refused.
                world.send(PoolWithdrawn{name});
                for (auto& [other, pool] : declared_) {
                    if (std::erase(pool.spec.start.after, name) > 0) send_declaration(pool, false);
                }
            }
            return;
        case 4: return disturb();
        default: return say();
    }
}

void History::declare() {
    const auto number = world.random.below(pools_at_most);
    const std::string name = "p" + std::to_string(number);
    const auto found = declared_.find(name);
    if (found != declared_.end()) return change(found->second);
    Declared pool{new_spec(name, number), new_seats(world.random.below(5), name)};
    send_declaration(declared_[name] = std::move(pool), false);
}

void History::change(Declared& pool) {
    bool respawn = false;
    switch (world.random.below(6)) {
        case 0: pool.seats = new_seats(world.random.below(6), pool.spec.name); break;
        case 1: draw_restart(pool.spec.restart); break;
        case 2:
            pool.spec.stop.timeout = world.random.pick<Duration>({0us, 100ms, 1s, 3s});
            pool.spec.start.stagger = world.random.pick<Duration>({0us, 20ms});
            break;
        case 3: move_one(pool); break;
        default:
            pool.spec.nice = static_cast<int>(world.random.below(3));  // three texts, so that some come back
            respawn = true;
            break;
    }
    send_declaration(pool, respawn);
}

void History::say() {
    const auto name = any_declared();
    if (name.empty()) return;
    std::optional<Slot> slot;
    if (world.random.one_in(2)) slot = Slot{world.random.below(5)};
    if (slot && !world.supervisor.has_slot(name, *slot)) return;
    switch (world.random.below(6)) {
        case 0:
        case 1: return world.send(StartRequested{name, slot, "root"});
        case 2: return world.send(StopRequested{name, slot, "root"});
        case 3:
        case 4: return world.send(RestartRequested{name, slot, "root"});
        default: return world.send(SignalRequested{name, slot, world.random.pick({SIGTERM, SIGKILL, SIGHUP}), "root"});
    }
}

// What must change nothing: a timer that fires early, news of lives long gone, a late look at the clock.
void History::disturb() {
    world.send(TimerFired{});
    if (world.random.one_in(4)) world.now += world.random.up_to(2s);
    for (const auto& [key, tree] : world.trees()) {
        if (tree.id.generation.value < 2) continue;
        const WorkerId old{key.first, key.second, Generation{tree.id.generation.value - 1}};
        world.send(WorkerExited{old, {}});
        world.send(TreeEmptied{old});
        world.send(SpawnFailed{old, {}});
        return;
    }
}

void History::calm_down() {
    world.faults = Faults::none();
    world.run_for(5min);  // what was drawn before happens yet, and every back-off ends
    checker.check_views(world);
    checker.check_recovered(world);
    for (const auto& [name, pool] : declared_) world.send(StartRequested{name, std::nullopt, "root"});
    world.run_for(5min);
    checker.check_views(world);
    checker.check_all_running(world);
}

void History::shut_down() {
    world.faults = Faults{};
    world.run_for(world.random.up_to(1s));
    const auto timeout = world.random.pick<Duration>({0us, 1s, 30s});
    const auto deadline = world.now + timeout;
    world.send(ShutdownRequested{timeout, "SIGTERM"});
    while (world.shutdowns_completed == 0 && world.advance()) {
    }
    // A tree may survive two SIGKILLs, repeated after one and two seconds, and an answer may be 20 ms late.
    if (world.shutdowns_completed != 1) world.violations.push_back("the shutdown never completed");
    if (world.now > deadline + 4s) world.violations.push_back("the shutdown took longer than its timeout");
    world.run_for(1min);
    if (world.shutdowns_completed != 1) world.violations.push_back("the shutdown completed twice");
    if (!world.trees().empty()) world.violations.push_back("something is left after the shutdown");
    if (world.supervisor.next_deadline() != no_deadline) world.violations.push_back("a deadline outlived the shutdown");
}

PoolSpec History::new_spec(const std::string& name, std::uint32_t number) {
    PoolSpec spec;
    spec.name = name;
    spec.command.argv = {"/bin/worker"};
    spec.start.ready = world.random.pick({StartPolicy::Ready::exec, StartPolicy::Ready::notify});
    spec.start.timeout = world.random.pick<Duration>({50ms, 1s});
    spec.start.stagger = world.random.pick<Duration>({0us, 0us, 20ms});
    spec.stop.timeout = world.random.pick<Duration>({0us, 1s, 3s});
    draw_restart(spec.restart);
    for (std::uint32_t other = 0; other < number; ++other) {  // no cycles
        const std::string dependency = "p" + std::to_string(other);
        if (world.random.one_in(3) && declared_.contains(dependency)) spec.start.after.push_back(dependency);
    }
    return spec;
}

void History::draw_restart(RestartPolicy& policy) {
    policy = {};
    policy.policy =
        world.random.pick({RestartWhen::always, RestartWhen::always, RestartWhen::on_failure, RestartWhen::never});
    policy.delay = world.random.pick<Duration>({1ms, 100ms});
    policy.max_delay = world.random.pick<Duration>({200ms, 5s});
    policy.factor = world.random.pick({1.0, 2.0, 3.0});
    policy.jitter = world.random.pick({0.0, 0.1, 0.5});
    policy.reset_after = world.random.pick<Duration>({100ms, 5s});
    if (world.random.one_in(3)) policy.limit = {.count = world.random.below(4), .within = 3s};
    if (world.random.one_in(2)) policy.fatal = {{ExitPattern::Kind::code, 78}};
    if (world.random.one_in(3)) policy.success.push_back({ExitPattern::Kind::signal, SIGTERM});
}

CpuSet History::cpus_of_others(const std::string& pool, bool owned_only) const {
    CpuSet taken;
    for (const auto& [name, other] : declared_)
        for (const auto& seat : other.seats)
            if (name != pool && (seat.exclusive || !owned_only)) taken |= seat.mask;
    return taken;
}

std::vector<cpu::Seat> History::new_seats(std::uint32_t count, const std::string& pool) {
    const bool exclusive = world.random.one_in(2);
    CpuSet taken = cpus_of_others(pool, !exclusive);
    std::vector<cpu::Seat> seats;
    for (std::uint32_t slot = 0; slot < count; ++slot) {
        const auto cpu = world.random.below(cpus);
        if (taken.contains(cpu)) break;
        seats.push_back({.slot = slot, .cpus = {cpu}, .mask = {cpu}, .exclusive = exclusive});
        if (exclusive) taken.add(cpu);
    }
    return seats;
}

// To where nobody else is to sit, or in the other's place where that is of the same pool.
void History::move_one(Declared& pool) {
    if (pool.seats.empty()) return;
    const auto some = [&] { return world.random.below(static_cast<std::uint32_t>(pool.seats.size())); };
    cpu::Seat& seat = pool.seats[some()];
    cpu::Seat& other = pool.seats[some()];
    CpuSet taken = cpus_of_others(pool.spec.name, !seat.exclusive);
    if (seat.exclusive)
        for (const auto& own : pool.seats) taken |= own.mask;
    const auto cpu = world.random.below(cpus);
    if (world.random.one_in(3)) {
        std::swap(seat.cpus, other.cpus);
        std::swap(seat.mask, other.mask);
    } else if (!taken.contains(cpu)) {
        seat.cpus = seat.mask = {cpu};
    }
}

void History::send_declaration(const Declared& pool, bool respawn) {
    world.send(PoolDeclared{std::make_shared<const PoolSpec>(pool.spec), pool.seats, respawn});
}

std::string History::any_declared() {
    if (declared_.empty()) return "";
    return std::next(declared_.begin(), world.random.below(static_cast<std::uint32_t>(declared_.size())))->first;
}

}  // namespace pinion::sim
