// SPDX-License-Identifier: Apache-2.0
// The variables by which libraries that compute in threads are told how many to start, lest each of N workers starts
// one for every CPU of the machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pinion {

// Which variables are set to the number of cores of a worker's seat, or of hardware threads where it is counted in
// these; only where the pool's environment has no value for them.
struct ThreadsEnv {
    bool automatic = true;           // `thread_variables`
    std::vector<std::string> names;  // else these; none: off
    [[nodiscard]] bool is_off() const noexcept { return !automatic && names.empty(); }
    bool operator==(const ThreadsEnv&) const = default;
};

// What OpenMP, OpenBLAS, MKL, NumExpr, Rayon, Go and Python look at.
inline constexpr std::string_view thread_variables[] = {
    "OMP_NUM_THREADS",   "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS", "GOMAXPROCS",           "PYTHON_CPU_COUNT"};

// By these a daemon's own environment would bind a worker's threads to CPUs that need not be of its seat.
inline constexpr std::string_view binding_variables[] = {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY",
                                                         "KMP_AFFINITY"};

}  // namespace pinion
