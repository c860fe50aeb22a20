// SPDX-License-Identifier: Apache-2.0
// Drives a worker through every state with every input, prints what it saw as a table, and compares that with the one
// in docs/state-machines.md. PINION_UPDATE_DOCS=1 writes the table there instead.
#include <array>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <random>
#include <set>
#include <sstream>

#include "harness.h"
#include "supervise/worker.h"

namespace pinion::supervise {
namespace {

constexpr auto begin_mark = "<!-- transitions -->\n";
constexpr auto end_mark = "<!-- end of transitions -->\n";

struct Input {
    const char* name;
    std::function<void(Worker&, const Scene&, const Death&)> apply;
};

const std::vector<Input>& inputs() {
    static const std::vector<Input> all{
        {"start", [](Worker& w, const Scene& s, const Death&) { w.start(s); }},
        {"turn", [](Worker& w, const Scene& s, const Death&) { w.turn(s); }},
        {"stop", [](Worker& w, const Scene& s, const Death&) { w.stop(s, StopReason::operator_stop); }},
        {"replace", [](Worker& w, const Scene& s, const Death&) { w.replace(s, StopReason::new_text); }},
        {"kill", [](Worker& w, const Scene& s, const Death&) { w.kill(s, StopReason::shutdown); }},
        {"spawned", [](Worker& w, const Scene& s, const Death&) { w.spawned(s); }},
        {"not_spawned", [](Worker& w, const Scene& s, const Death&) { w.not_spawned(s, {}); }},
        {"ready", [](Worker& w, const Scene& s, const Death&) { w.ready(s); }},
        {"exited", [](Worker& w, const Scene& s, const Death& death) { w.exited(s, death); }},
        {"emptied", [](Worker& w, const Scene& s, const Death&) { w.emptied(s); }},
        {"timer", [](Worker& w, const Scene& s, const Death&) { w.timer(s); }},
        {"restart_changed", [](Worker& w, const Scene& s, const Death&) { w.restart_changed(s); }},
        {"make_way", [](Worker& w, const Scene& s, const Death&) { w.make_way(s, StopReason::recycled, false); }},
        {"make_way_by_kill",
         [](Worker& w, const Scene& s, const Death&) { w.make_way(s, StopReason::job_timeout, true); }},
    };
    return all;
}

using Cell = std::set<StateKind>;
using Table = std::vector<std::array<Cell, state_kinds>>;  // by input, by state

std::vector<SpecPtr> specs() {
    std::vector<SpecPtr> all;
    for (const auto policy : {RestartWhen::always, RestartWhen::on_failure, RestartWhen::never}) {
        for (const auto ready : {StartPolicy::Ready::exec, StartPolicy::Ready::notify}) {
            for (const auto limit : {std::optional<RestartLimit>{}, std::optional(RestartLimit{1, 1min})}) {
                for (const Duration delay : {1ms, 100ms}) {
                    auto spec = service("web");
                    spec.restart.policy = policy;
                    spec.restart.limit = limit;
                    spec.restart.delay = delay;
                    spec.restart.fatal = {{ExitPattern::Kind::code, 78}};
                    spec.start.ready = ready;
                    all.push_back(std::make_shared<const PoolSpec>(spec));
                }
            }
        }
    }
    return all;
}

Table explore() {
    Table table(inputs().size());
    std::mt19937_64 random(20240601);
    const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
    const auto all_specs = specs();
    const std::string pool = "web";
    const cpu::Seat seat;
    Outbox out;
    Effects effects;
    MonotonicTime now{1h};
    constexpr std::size_t timer = 10;
    constexpr std::size_t restart_changed = 11;
    // Lives that are left alone go deeper: turn, spawned, not_spawned, ready, exited, emptied.
    constexpr std::array<std::size_t, 6> ordinary{1, 5, 6, 7, 8, 9};
    for (int life = 0; life < 10000; ++life) {
        Worker worker(Generation{0});
        const SpecPtr* spec = &all_specs[below(all_specs.size())];
        const bool closing = below(20) == 0;
        for (int step = 0; step < 60; ++step) {
            const auto input = below(4) == 0 ? below(inputs().size()) : ordinary[below(ordinary.size())];
            if (input == restart_changed) spec = &all_specs[below(all_specs.size())];
            now += std::chrono::milliseconds(below(5));
            if (input == timer && worker.deadline() != no_deadline) now = std::max(now, worker.deadline());
            const Scene scene{pool, Slot{0}, *spec, seat, 0, 7, closing, {now, out}};
            const auto before = static_cast<std::size_t>(worker.kind());
            constexpr std::array codes{0, 0, 0, 1, 78};
            inputs()[input].apply(worker, scene, exit_with(codes[below(codes.size())]));
            table[input][before].insert(worker.kind());
            effects.clear();
            out.flush(effects);
        }
    }
    return table;
}

std::string cell_text(const Cell& cell, StateKind from) {
    if (cell == Cell{from}) return "·";
    std::string text;
    for (const auto kind : cell) {
        if (!text.empty()) text += ", ";
        text += kind == from ? "·" : to_string(kind);
    }
    return text;
}

std::string print(const Table& table) {
    std::ostringstream text;
    text << "| from \\ input |";
    for (const auto& input : inputs()) text << " " << input.name << " |";
    text << "\n|---|";
    for (std::size_t column = 0; column < inputs().size(); ++column) text << "---|";
    text << "\n";
    for (std::size_t row = 0; row < state_kinds; ++row) {
        const auto from = static_cast<StateKind>(row);
        text << "| **" << to_string(from) << "** |";
        for (const auto& column : table) text << " " << cell_text(column[row], from) << " |";
        text << "\n";
    }
    return text.str();
}

TEST(TransitionTable, IsTheOneInTheDocuments) {
    const std::string path = PINION_SOURCE_DIR "/docs/state-machines.md";
    std::stringstream document;
    document << std::ifstream(path).rdbuf();
    const std::string text = document.str();
    const auto begin = text.find(begin_mark);
    const auto end = text.find(end_mark);
    ASSERT_NE(begin, std::string::npos) << path;
    ASSERT_NE(end, std::string::npos) << path;
    const auto from = begin + std::string(begin_mark).size();
    const auto table = print(explore());
    if (std::getenv("PINION_UPDATE_DOCS") != nullptr) {
        std::ofstream(path) << text.substr(0, from) << table << text.substr(end);
        return;
    }
    EXPECT_EQ(text.substr(from, end - from), table) << "run test_supervise with PINION_UPDATE_DOCS=1 and look at the "
                                                       "difference";
}

TEST(TransitionTable, EveryStateMeetsEveryInput) {
    const auto table = explore();
    for (std::size_t input = 0; input < table.size(); ++input) {
        for (std::size_t state = 0; state < state_kinds; ++state) {
            EXPECT_FALSE(table[input][state].empty())
                << to_string(static_cast<StateKind>(state)) << " × " << inputs()[input].name;
        }
    }
}

// Whatever happens: a Spawn only where the tree of the life before is known to be empty, and never while closing.
TEST(TransitionTable, OnlyATurnSpawnsAndOnlyAnEmptiedOrUnspawnedLifeLeadsToOne) {
    const auto table = explore();
    for (std::size_t input = 0; input < table.size(); ++input) {
        for (std::size_t state = 0; state < state_kinds; ++state) {
            const auto from = static_cast<StateKind>(state);
            const std::string name = inputs()[input].name;
            if (table[input][state].contains(StateKind::spawning) && from != StateKind::spawning) {
                EXPECT_EQ(name, "turn");
                EXPECT_EQ(from, StateKind::waiting);
            }
            if (!has_process(from)) continue;
            for (const auto to : table[input][state]) {
                EXPECT_TRUE(has_process(to) || name == "emptied" || name == "not_spawned") << to_string(from);
            }
        }
    }
}

}  // namespace
}  // namespace pinion::supervise
