// SPDX-License-Identifier: Apache-2.0
// A random history: pools that are declared, changed and withdrawn, operators who say things, processes with fates, and
// at the end calm (everything must run) and a shutdown (everything must be gone, in time).
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "checker.h"

namespace pinion::sim {

class History {
public:
    explicit History(std::uint64_t seed) : world(seed, &checker) {}

    // Goes on for about so many events, then calms down and shuts down. What was broken, in sentences.
    std::vector<std::string> run(std::uint64_t events);

    Checker checker;
    FakeWorld world;

private:
    struct Declared {
        PoolSpec spec;
        std::vector<cpu::Seat> seats;
    };

    void act();
    void declare();
    void change(Declared& pool);
    void say();
    void disturb();
    void calm_down();
    void shut_down();
    [[nodiscard]] PoolSpec new_spec(const std::string& name, std::uint32_t number);
    void draw_restart(RestartPolicy& policy);
    // Those of a plan: who owns a seat has it alone, among all that is declared but `pool`, whose seats are to be
    // these.
    [[nodiscard]] std::vector<cpu::Seat> new_seats(std::uint32_t count, const std::string& pool);
    void move_one(Declared& pool);
    [[nodiscard]] CpuSet cpus_of_others(const std::string& pool, bool owned_only) const;
    void send_declaration(const Declared& pool, bool respawn);
    [[nodiscard]] std::string any_declared();

    static constexpr std::uint32_t pools_at_most = 6;
    static constexpr std::uint32_t cpus = 16;
    std::map<std::string, Declared> declared_;
};

}  // namespace pinion::sim
