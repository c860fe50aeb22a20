// SPDX-License-Identifier: Apache-2.0
#include "ctl/lock_file.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "cpu/domain.h"
#include "cpu/topology_text.h"
#include "model/limits.h"

namespace pinion::ctl {

namespace {

using wire::Json;

constexpr int lock_version = 1;
constexpr const char* about =
    "seats of workers, by 'pinionctl plan --lock'; 'pinionctl plan --check' fails where one would move";

std::tuple<const std::string&, std::uint32_t> key(const LockedSeat& seat) { return {seat.pool, seat.slot}; }

std::string member(const char* name, const Json& value) { return Json(name).dump() + ": " + value.dump(); }

// A list with an element a line.
std::string lines_of(const std::vector<std::string>& elements, const std::string& indent) {
    if (elements.empty()) return "[]";
    return "[\n" + indent + "  " + join(elements, ",\n" + indent + "  ") + "\n" + indent + "]";
}

const Json& part(const Json& object, const char* name) {
    static const Json nothing;
    const Json* found = object.find(name);
    return found == nullptr ? nothing : *found;
}

Result<std::string> required_text(const Json& object, const char* name) {
    const std::string* text = part(object, name).as_string();
    if (text == nullptr) return fail(std::string("'") + name + "' is missing, or no text");
    return *text;
}

Result<CpuSet> cpus_of(const Json& object, const char* name) {
    PINION_TRY(text, required_text(object, name));
    auto cpus = CpuSet::parse(text);
    if (!cpus) return in_context(std::string("'") + name + "'", cpus.error());
    return std::move(*cpus);
}

std::string machine_text(const Machine& machine) {
    std::vector<std::string> kinds;
    for (const cpu::CpuKind& kind : machine.topology.kinds) kinds.push_back(Json(kind.cpus.to_list()).dump());
    std::vector<std::string> domains;
    for (const std::string& line : cpu::domain_lines(machine.topology.root)) domains.push_back(Json(line).dump());
    const cpu::MachineLimits& limits = machine.limits;
    std::string text = "  \"machine\": {\n";
    text += "    " + member("described", machine.described.empty() ? "this machine" : machine.described) + ",\n";
    text += "    " + member("inherited_mask", limits.inherited.to_list()) + ",\n";
    text += "    " + member("cpuset", limits.effective.to_list()) + ",\n";
    text += "    " + member("isolated", limits.isolated.to_list()) + ",\n";
    text += "    " + member("quota", limits.quota ? Json(*limits.quota) : Json()) + ",\n";
    std::vector<std::string> nodes;
    for (const std::uint32_t node : machine.topology.memory_nodes) nodes.push_back(std::to_string(node));
    text += "    \"nodes_with_memory\": [" + join(nodes, ", ") + "],\n";
    text += "    \"kinds\": " + lines_of(kinds, "    ") + ",\n";
    text += "    \"domains\": " + lines_of(domains, "    ") + "\n  }";
    return text;
}

Result<cpu::Topology> parse_topology(const Json& json) {
    std::vector<std::string> lines;
    for (const Json& line : part(json, "domains").items()) {
        if (line.as_string() == nullptr) return fail("'domains' has what is no text");
        lines.push_back(*line.as_string());
    }
    cpu::Topology topology;
    PINION_TRY(root, cpu::domain_from_lines(lines));
    topology.root = std::move(root);
    topology.cores = cpu::cores_below(topology.root);
    for (const Json& node : part(json, "nodes_with_memory").items()) {
        const auto id = node.as_uint();
        if (!id || *id > limits::max_cpus) return fail("'nodes_with_memory' has what is no node");
        topology.memory_nodes.push_back(static_cast<std::uint32_t>(*id));
    }
    for (const Json& kind : part(json, "kinds").items()) {
        const auto cpus = CpuSet::parse(kind.as_string() == nullptr ? "?" : *kind.as_string());
        if (!cpus) return in_context("'kinds'", cpus.error());
        topology.kinds.push_back({*cpus});
    }
    return topology;
}

Result<Machine> parse_machine(const Json& json) {
    Machine machine;
    PINION_TRY(described, required_text(json, "described"));
    machine.described = described == "this machine" ? "" : described;
    PINION_TRY(topology, parse_topology(json));
    machine.topology = std::move(topology);
    PINION_TRY(inherited, cpus_of(json, "inherited_mask"));
    machine.limits.inherited = std::move(inherited);
    PINION_TRY(effective, cpus_of(json, "cpuset"));
    machine.limits.effective = std::move(effective);
    PINION_TRY(isolated, cpus_of(json, "isolated"));
    machine.limits.isolated = std::move(isolated);
    machine.limits.quota = part(json, "quota").as_double();
    return machine;
}

Result<LockedSeat> parse_seat(const Json& json) {
    LockedSeat seat;
    PINION_TRY(worker, required_text(json, "worker"));
    const std::size_t slash = worker.find('/');
    const auto slot = slash == std::string::npos ? std::nullopt : parse_integer(worker.substr(slash + 1));
    if (!slot || *slot < 0 || *slot >= limits::max_workers_per_pool || !is_name(worker.substr(0, slash)))
        return fail("'" + printable(worker, 80) + "' is no worker");
    seat.pool = worker.substr(0, slash);
    seat.slot = static_cast<std::uint32_t>(*slot);
    PINION_TRY(how, required_text(json, "how"));
    if (how != "exclusive" && how != "soft" && how != "floating")
        return fail("'" + printable(how, 40) + "' is no kind of seat");
    seat.how = std::move(how);
    PINION_TRY(cpus, cpus_of(json, "cpus"));
    seat.cpus = std::move(cpus);
    return seat;
}

Result<Lock> parse_document(const Json& json) {
    const auto version = part(json, "version").as_int();
    if (!version) return fail("it has no version");
    if (*version != lock_version) return fail("version " + std::to_string(*version) + " is not known here");
    Lock lock;
    PINION_TRY(machine, parse_machine(part(json, "machine")));
    lock.machine = std::move(machine);
    for (const Json& each : part(json, "seats").items()) {
        PINION_TRY(seat, parse_seat(each));
        lock.seats.push_back(std::move(seat));
    }
    std::ranges::sort(lock.seats, {}, key);
    return lock;
}

std::string seat_text(const LockedSeat& seat) { return seat.cpus.empty() ? seat.how : seat.cpus.to_list(); }

}  // namespace

std::string lock_path(const std::string& configuration, bool is_folder) {
    if (is_folder) return configuration + (configuration.ends_with('/') ? "" : "/") + "pinion.lock";
    for (const std::string_view ending : {".yaml", ".yml"})
        if (configuration.ends_with(ending))
            return configuration.substr(0, configuration.size() - ending.size()) + ".lock";
    return configuration + ".lock";
}

Lock lock_of(const Machine& machine, const cpu::Plan& plan) {
    Lock lock{.machine = machine, .seats = {}};
    lock.machine.offline = {};  // what is off now is no part of what is agreed on
    for (const cpu::PoolSeats& pool : plan.pools)
        for (const cpu::Seat& seat : pool.seats) {
            const char* how = seat.exclusive ? "exclusive" : seat.cpus.empty() ? "floating" : "soft";
            lock.seats.push_back({.pool = pool.pool, .slot = seat.slot, .how = how, .cpus = seat.cpus});
        }
    std::ranges::sort(lock.seats, {}, key);
    return lock;
}

std::string lock_text(const Lock& lock) {
    std::vector<std::string> seats;
    for (const LockedSeat& seat : lock.seats)
        seats.push_back("{" + member("worker", seat.name()) + ", " + member("how", seat.how) + ", " +
                        member("cpus", seat.cpus.to_list()) + "}");
    return "{\n  " + member("version", lock_version) + ",\n  " + member("about", about) + ",\n" +
           machine_text(lock.machine) + ",\n  \"seats\": " + lines_of(seats, "  ") + "\n}\n";
}

Result<Lock> parse_lock(std::string_view text) {
    PINION_TRY(json, Json::parse(text));
    return parse_document(json);
}

std::vector<SeatChange> changes_between(const std::vector<LockedSeat>& before, const std::vector<LockedSeat>& after) {
    using enum SeatChange::Kind;
    std::vector<SeatChange> changes;
    auto old = before.begin();
    auto now = after.begin();
    while (old != before.end() || now != after.end()) {
        if (now == after.end() || (old != before.end() && key(*old) < key(*now))) {
            changes.push_back({vanishes, *old++, {}});
        } else if (old == before.end() || key(*now) < key(*old)) {
            changes.push_back({appears, {}, *now++});
        } else {
            if (*old != *now) changes.push_back({moves, *old, *now});
            ++old;
            ++now;
        }
    }
    return changes;
}

std::string to_string(const SeatChange& change) {
    const LockedSeat& before = change.before;
    const LockedSeat& after = change.after;
    switch (change.kind) {
        case SeatChange::Kind::appears: return after.name() + " appears on " + seat_text(after);
        case SeatChange::Kind::vanishes: return before.name() + " vanishes from " + seat_text(before);
        case SeatChange::Kind::moves: break;
    }
    std::string text = before.name();
    if (before.cpus != after.cpus) text += " moves from " + seat_text(before) + " to " + seat_text(after);
    if (before.how != after.how && !before.cpus.empty() && !after.cpus.empty())
        text +=
            (before.cpus != after.cpus ? " and" : "") + std::string(" is ") + after.how + ", no longer " + before.how;
    return text;
}

Json check_document(const std::string& path, std::size_t seats, const std::vector<SeatChange>& changes) {
    Json list = Json::array();
    for (const SeatChange& change : changes) {
        static constexpr const char* words[] = {"moves", "appears", "vanishes"};
        const bool gone = change.kind == SeatChange::Kind::vanishes;
        list.push(Json::object()
                      .set("worker", gone ? change.before.name() : change.after.name())
                      .set("change", words[static_cast<int>(change.kind)])
                      .set("from", change.before.cpus.to_list())
                      .set("to", change.after.cpus.to_list())
                      .set("how", gone ? change.before.how : change.after.how));
    }
    return Json::object()
        .set("version", 1)
        .set("lock", path)
        .set("seats", static_cast<std::uint64_t>(seats))
        .set("changed", !changes.empty())
        .set("changes", std::move(list));
}

}  // namespace pinion::ctl
