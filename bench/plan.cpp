// SPDX-License-Identifier: Apache-2.0
// How long a plan for 512 hardware threads and 128 seats takes: the median of many, which must stay below 5 ms. Prints
// a line for each kind of request, with an empty ledger and with all seats kept; exits with 1 where one is too slow.
#include "cpu/plan.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace pinion;
using namespace pinion::cpu;

constexpr double bound_ms = 5;
constexpr std::size_t rounds = 101;

double median_ms(const Topology& topology, const std::vector<PoolRequest>& requests, const Ledger& ledger) {
    const Universe universe{.allowed = topology.root.cpus, .machine = {}, .quota = {}};
    std::vector<double> times;
    std::size_t planned = 0;
    while (times.size() < rounds) {
        const auto begin = std::chrono::steady_clock::now();
        planned += plan(topology, universe, requests, ledger).pools.size();
        times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    }
    std::ranges::nth_element(times, times.begin() + rounds / 2);
    // A plan of nothing would be fast, too.
    return planned == rounds * requests.size() ? times[rounds / 2] : bound_ms * 2;
}

bool measure(const Topology& topology, const std::string& name, const std::vector<PoolRequest>& requests) {
    const Universe universe{.allowed = topology.root.cpus, .machine = {}, .quota = {}};
    const double cold = median_ms(topology, requests, {});
    const double kept = median_ms(topology, requests, plan(topology, universe, requests, {}).ledger());
    std::printf("%-34s %6.2f ms cold  %6.2f ms kept\n", name.c_str(), cold, kept);
    return cold < bound_ms && kept < bound_ms;
}

PoolRequest pool(const std::string& name, std::uint32_t workers, const CpuExclusive& seat) {
    return {name, {.number = workers}, seat};
}

}  // namespace

int main() {
    const auto topology = from_synthetic("package:4 [numa] l3:8 core:8 pu:2");
    if (!topology) return 1;
    const CpuExclusive core;
    const CpuExclusive threads{.unit = CpuExclusive::Unit::threads, .count = 2, .place = CpuExclusive::Place::pack};
    CpuExclusive all{.smt = CpuExclusive::Smt::one, .require = CpuLevel::l3, .keep_out = CpuLevel::core};
    all.bind = CpuExclusive::Bind::l3;
    std::vector<PoolRequest> many;
    for (std::uint32_t i = 0; i < 32; ++i) {
        all.within = CpuScope({}, {{CpuLevel::l3, i}});
        many.push_back(pool("p" + std::to_string(i), 4, all));
    }
    all.within.reset();
    bool fast = measure(*topology, "128 seats of a core", {pool("a", 128, core)});
    fast = measure(*topology, "128 seats of 2 threads, packed", {pool("a", 128, threads)}) && fast;
    fast = measure(*topology, "128 seats with all that can be said", {pool("a", 128, all)}) && fast;
    fast = measure(*topology, "32 pools of 4 seats, each in an L3", many) && fast;
    return fast ? 0 : 1;
}
