// SPDX-License-Identifier: Apache-2.0
#include "model/cpu_request.h"

namespace pinion {

MemoryPolicy memory_of(const CpuRequest& request) noexcept {
    if (const auto* exclusive = std::get_if<CpuExclusive>(&request)) return exclusive->memory;
    if (const auto* seats = std::get_if<CpuSeats>(&request)) return seats->memory;
    return MemoryPolicy::near;
}

ThreadsEnv threads_env_of(const CpuRequest& request) {
    if (const auto* exclusive = std::get_if<CpuExclusive>(&request)) return exclusive->threads_env;
    if (const auto* seats = std::get_if<CpuSeats>(&request)) return seats->threads_env;
    return {};
}

}  // namespace pinion
