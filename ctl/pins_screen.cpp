// SPDX-License-Identifier: Apache-2.0
#include "ctl/pins_screen.h"

#include <algorithm>

#include "model/cpu_set.h"

namespace pinion::ctl {

namespace {

using wire::Json;

struct PinLook {
    Glyph glyph = Glyph::none;
    Colour colour = Colour::none;
};

bool has_mask(const WorkerRow& worker) { return worker.pid != 0 && !worker.cpus.empty(); }

// Whether the kernel lets it use more than it may. A narrower mask is the program's own choice.
bool is_wide(const WorkerRow& worker) {
    if (!has_mask(worker) || worker.mask.empty()) return false;
    const auto in_force = CpuSet::parse(worker.cpus);
    const auto allowed = CpuSet::parse(worker.mask);
    return in_force && allowed && !in_force->is_subset_of(*allowed);
}

bool is_away(const WorkerRow& worker) { return !worker.home.empty() && worker.home != worker.seat; }

PinLook look_of(const WorkerRow& worker) {
    if (worker.contested || is_wide(worker)) return {Glyph::failed, Colour::red};
    if (is_away(worker) || !worker.pin_note.empty()) return {Glyph::active, Colour::yellow};
    return {worker.pid == 0 ? Glyph::inactive : Glyph::active, worker.pid == 0 ? Colour::none : Colour::green};
}

std::string count_text(std::size_t number, const char* what) {
    return number == 0 ? "" : ", " + std::to_string(number) + " " + what;
}

std::string totals(std::span<const WorkerRow> workers) {
    const auto count = [&](const auto& predicate) {
        return static_cast<std::size_t>(std::ranges::count_if(workers, predicate));
    };
    const std::size_t pinned = count([](const WorkerRow& worker) { return has_mask(worker) && !is_wide(worker); });
    std::string text = std::to_string(workers.size()) + (workers.size() == 1 ? " worker: " : " workers: ") +
                       std::to_string(pinned) + " within what they may use";
    text += count_text(count(is_wide), "beyond it");
    text += count_text(count(is_away), "away from home");
    text += count_text(count([](const WorkerRow& worker) { return worker.contested; }), "contested");
    text += count_text(count([](const WorkerRow& worker) { return worker.pid == 0; }), "not running");
    return text + ".";
}

}  // namespace

std::string pin_trouble(const WorkerRow& worker) {
    if (!worker.pin_note.empty()) return worker.pin_note;
    if (worker.contested) return "somebody keeps changing its mask: it is left alone";
    if (is_wide(worker)) return "may use only '" + worker.mask + "'";
    if (is_away(worker)) return "CPUs of its home are missing";
    return "";
}

Table pins_table(std::span<const WorkerRow> workers) {
    Table table;
    table.columns = {{.name = "WORKER"},
                     {.name = "HOME", .align = Align::left, .priority = 2},
                     {.name = "SEAT", .align = Align::left, .priority = 1},
                     {.name = "MASK"},
                     {.name = "KIND", .align = Align::left, .priority = 5},
                     {.name = "NODES", .align = Align::left, .priority = 4},
                     {.name = "STRADDLES", .align = Align::left, .priority = 6},
                     {.name = "DRIFTS", .align = Align::right, .priority = 3},
                     {.name = "NOTE", .align = Align::left, .priority = Column::always, .flexible = true}};
    for (const WorkerRow& worker : workers) {
        const PinLook look = look_of(worker);
        const char* kind = worker.exclusive ? "exclusive" : worker.seat.empty() ? "floating" : "soft";
        const Colour wrong = is_wide(worker) ? Colour::red : Colour::none;
        table.rows.push_back({look.glyph,
                              look.colour,
                              {{worker.name()},
                               {worker.home},
                               {worker.seat, is_away(worker) ? Colour::yellow : Colour::none},
                               {has_mask(worker) ? worker.cpus : "", wrong},
                               {kind},
                               {worker.nodes},
                               {worker.straddles},
                               {std::to_string(worker.drifts)},
                               {pin_trouble(worker)}}});
    }
    return table;
}

Answer<std::string> pins_screen(std::span<const WorkerRow> workers, const ScreenOptions& options,
                                const TerminalTraits& traits) {
    const std::string below = options.columns.empty() ? totals(workers) : "";
    return table_screen(pins_table(workers), below, options, traits);
}

Json pins_document(std::span<const WorkerRow> workers) {
    Json pins = Json::array();
    for (const WorkerRow& worker : workers)
        pins.push(Json::object()
                      .set("worker", worker.name())
                      .set("pool", worker.pool)
                      .set("slot", worker.slot)
                      .set("home", worker.home)
                      .set("seat", worker.seat)
                      .set("mask", has_mask(worker) ? worker.cpus : "")
                      .set("allowed", worker.mask)
                      .set("nodes", worker.nodes)
                      .set("straddles", worker.straddles)
                      .set("exclusive", worker.exclusive)
                      .set("drifts", worker.drifts)
                      .set("contested", worker.contested)
                      .set("trouble", pin_trouble(worker)));
    return Json::object().set("version", 1).set("pins", std::move(pins));
}

}  // namespace pinion::ctl
