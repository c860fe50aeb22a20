// SPDX-License-Identifier: Apache-2.0
#include "ctl/plan_screen.h"

#include <algorithm>

#include "base/text.h"
#include "ctl/display.h"
#include "ctl/table.h"

namespace pinion::ctl {

namespace {

using config::Change;
using config::ChangeKind;
using wire::Json;

// The words of the documents: what happens to the pool's workers.
const char* word_of(ChangeKind kind) {
    switch (kind) {
        case ChangeKind::added: return "added";
        case ChangeKind::removed: return "removed";
        case ChangeKind::resized: return "resized";
        case ChangeKind::replaced: return "replaced";
        case ChangeKind::tuned: return "retuned";
    }
    return "";
}

std::string nodes_text(const std::vector<std::uint32_t>& nodes) {
    std::string text;
    for (const std::uint32_t node : nodes) text += (text.empty() ? "" : ",") + std::to_string(node);
    return text;
}

const char* how(const cpu::Seat& seat) {
    if (seat.exclusive) return "exclusive";
    return seat.cpus.empty() ? "floating" : "soft";
}

std::string change_text(const Change& change) {
    std::string text = std::string(word_of(change.kind)) + " " + change.pool;
    if (!change.fields.empty()) text += ": " + join(change.fields, ", ");
    if (!change.respawn_fields.empty())
        text += " (workers restart one by one, because of " + join(change.respawn_fields, ", ") + ")";
    return text;
}

Json strings(const std::vector<std::string>& values) {
    Json list = Json::array();
    for (const std::string& value : values) list.push(value);
    return list;
}

// How many workers a pool was to have: those that are completed are not wanted any more.
std::uint64_t declared(const Snapshot& running, const PoolRow& pool) {
    const auto completed = std::ranges::count_if(running.workers, [&](const WorkerRow& worker) {
        return worker.pool == pool.name && worker.state == "completed";
    });
    return pool.wanted + static_cast<std::uint64_t>(completed);
}

Json numbers(const std::vector<std::uint32_t>& values) {
    Json list = Json::array();
    for (const std::uint32_t value : values) list.push(value);
    return list;
}

Json account_json(const cpu::Account& account) {
    Json holders = Json::array();
    for (const cpu::Holder& holder : account.holders)
        holders.push(
            Json::object().set("pool", holder.pool).set("slots", numbers(holder.slots)).set("units", holder.units));
    Json json = Json::object().set("unit", account.noun).set("scope", account.scope).set("total", account.total);
    return json.set("reserved", account.reserved).set("free", account.free).set("holders", std::move(holders));
}

}  // namespace

Comparison compare(const config::Config& before, const config::Config& after, std::string with) {
    Comparison comparison{.with = std::move(with), .changes = config::diff(&before, after)};
    for (const auto& [name, spec] : after.pools())
        if (before.pools().contains(name) &&
            std::ranges::find(comparison.changes, name, &Change::pool) == comparison.changes.end())
            comparison.untouched.push_back(name);
    comparison.semaphores = config::semaphore_changes(before, after);
    return comparison;
}

Comparison compare(const Snapshot& running, const cpu::Plan& plan, const config::Config& after) {
    Comparison comparison{.with = "the running daemon", .names_only = true};
    for (const auto& [name, spec] : after.pools()) {
        const PoolRow* pool = find_pool(running, name);
        const cpu::PoolSeats* seats = plan.find(name);
        if (pool == nullptr || pool->withdrawn)
            comparison.changes.push_back({.kind = ChangeKind::added, .pool = name});
        else if (seats != nullptr && !pool->stopped_by_operator && declared(running, *pool) != seats->seats.size())
            comparison.changes.push_back({.kind = ChangeKind::resized, .pool = name, .fields = {"workers"}});
        else
            comparison.untouched.push_back(name);
    }
    for (const PoolRow& pool : running.pools)
        if (!pool.withdrawn && !after.pools().contains(pool.name))
            comparison.changes.push_back({.kind = ChangeKind::removed, .pool = pool.name});
    std::ranges::sort(comparison.changes, {}, &Change::pool);
    return comparison;
}

std::string comparison_text(const Comparison& comparison, const TerminalTraits& traits) {
    const auto line = [&](const std::string& text) { return paragraph(harmless(text), 4, traits); };
    std::string text = "\n" + line("Compared with " + comparison.with + ":");
    for (const Change& change : comparison.changes) text += line("  " + change_text(change));
    for (const std::string& change : comparison.semaphores) text += line("  " + change);
    if (!comparison.untouched.empty()) {
        const std::string what = comparison.names_only ? "  same names and numbers: " : "  untouched: ";
        text += line(what + join(comparison.untouched, ", "));
    }
    if (comparison.changes.empty() && comparison.semaphores.empty()) text += line("  nothing changes");
    if (comparison.names_only && !comparison.untouched.empty())
        text += line("  (the daemon tells names and numbers only: for every field say --against OLDFILE)");
    return text;
}

std::string plan_text(const cpu::Plan& plan, const TerminalTraits& traits) {
    Table table;
    table.columns = {{.name = "SEAT"},
                     {.name = "CPUS", .align = Align::left, .priority = 1},
                     {.name = "MASK", .align = Align::left, .priority = 2},
                     {.name = "NODES", .align = Align::left, .priority = 4},
                     {.name = "KIND", .align = Align::left, .priority = 3}};
    for (const cpu::PoolSeats& pool : plan.pools)
        for (const cpu::Seat& seat : pool.seats)
            table.rows.push_back({.cells = {{pool.pool + "/" + std::to_string(seat.slot)},
                                            {seat.cpus.to_list()},
                                            {seat.mask.to_list()},
                                            {nodes_text(seat.nodes)},
                                            {how(seat)}}});
    const Rendered rendered = render(table, traits);
    std::string text = rendered.text;
    if (!traits.tty) return text;
    const std::string shared = plan.shared.to_list();
    text += "\n" + wrap("Shared CPUs: " + (shared.empty() ? "none" : shared), traits.width, 4);
    if (!rendered.hidden.empty()) text += wrap("Hidden: " + join(rendered.hidden, " "), traits.width, 8);
    return text;
}

std::string notes_text(const cpu::Plan& plan, const TerminalTraits& traits) {
    std::string text;
    const auto add = [&](const std::vector<cpu::PlanNote>& notes, const char* severity, Colour colour) {
        for (const cpu::PlanNote& note : notes)
            text += paragraph(paint(severity, colour, traits) + ": " + harmless(cpu::to_string(note)), 4, traits);
    };
    add(plan.errors, "error", Colour::red);
    add(plan.warnings, "warning", Colour::yellow);
    return text;
}

Json notes_json(const std::vector<cpu::PlanNote>& notes) {
    Json list = Json::array();
    for (const cpu::PlanNote& note : notes) {
        Json entry = Json::object().set("code", note.code).set("pool", note.pool).set("message", note.message);
        if (note.wanted > 0) entry.set("wanted", note.wanted).set("missing", note.missing);
        if (!note.slots.empty()) entry.set("slots", numbers(note.slots));
        if (!note.levels.empty()) entry.set("levels", strings(note.levels));
        if (!note.cpus.empty()) entry.set("cpus", note.cpus.to_list());
        if (note.quota) entry.set("quota", *note.quota);
        if (note.account) entry.set("account", account_json(*note.account));
        list.push(std::move(entry));
    }
    return list;
}

Json plan_document(const cpu::Plan& plan, const Comparison* comparison) {
    Json pools = Json::array();
    for (const cpu::PoolSeats& pool : plan.pools) {
        Json seats = Json::array();
        for (const cpu::Seat& seat : pool.seats)
            seats.push(Json::object()
                           .set("slot", seat.slot)
                           .set("cpus", seat.cpus.to_list())
                           .set("mask", seat.mask.to_list())
                           .set("nodes", nodes_text(seat.nodes))
                           .set("exclusive", seat.exclusive));
        pools.push(Json::object().set("name", pool.pool).set("seats", std::move(seats)));
    }
    Json document = Json::object().set("version", 1).set("pools", std::move(pools));
    document.set("shared", plan.shared.to_list());
    document.set("warnings", notes_json(plan.warnings)).set("errors", notes_json(plan.errors));
    if (comparison == nullptr) return document;
    Json changes = Json::array();
    for (const Change& change : comparison->changes)
        changes.push(Json::object()
                         .set("pool", change.pool)
                         .set("change", word_of(change.kind))
                         .set("fields", strings(change.fields))
                         .set("respawn_fields", strings(change.respawn_fields)));
    const bool changed = !comparison->changes.empty() || !comparison->semaphores.empty();
    document.set("compared_with", comparison->with).set("changed", changed);
    document.set("changes", std::move(changes)).set("untouched", strings(comparison->untouched));
    if (!comparison->semaphores.empty()) document.set("semaphores", strings(comparison->semaphores));
    return document;
}

Json reason_document(const cpu::SeatReason& reason) {
    static constexpr const char* kinds[] = {"held",     "kept_out", "left_to_sharing", "reserved",
                                            "isolated", "outside",  "forbidden"};
    static constexpr const char* rules[] = {"spread", "pack", "given", "soft", "floating"};
    Json better = Json::array();
    for (const cpu::BetterSeat& seat : reason.better) {
        Json obstacles = Json::array();
        for (const cpu::Obstacle& obstacle : seat.obstacles) {
            Json entry = Json::object().set("kind", kinds[static_cast<std::size_t>(obstacle.kind)]);
            entry.set("cpus", obstacle.cpus.to_list());
            if (!obstacle.pool.empty()) entry.set("worker", obstacle.pool + "/" + std::to_string(obstacle.slot));
            obstacles.push(std::move(entry));
        }
        better.push(Json::object().set("cpus", seat.cpus.to_list()).set("obstacles", std::move(obstacles)));
    }
    Json document = Json::object().set("version", 1);
    document.set("worker", reason.pool + "/" + std::to_string(reason.seat.slot));
    document.set("rule", rules[static_cast<std::size_t>(reason.rule)]);
    document.set("cpus", reason.seat.cpus.to_list()).set("mask", reason.seat.mask.to_list());
    document.set("nodes", nodes_text(reason.seat.nodes)).set("inside", reason.inside).set("kept", reason.kept);
    document.set("home", reason.home ? reason.home->to_list() : reason.seat.cpus.to_list());
    document.set("better", std::move(better));
    return document.set("sentences", strings(cpu::sentences(reason)));
}

}  // namespace pinion::ctl
