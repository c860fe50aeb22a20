// SPDX-License-Identifier: Apache-2.0
// Who holds which CPUs while a plan is made. Claims never overlap.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "model/cpu_set.h"

namespace pinion::cpu {

class Claims {
public:
    using Slots = std::map<std::uint32_t, CpuSet>;

    // `cpus` must be free and the slot without a claim.
    void add(const std::string& pool, std::uint32_t slot, const CpuSet& cpus);
    void release(const std::string& pool, std::uint32_t slot);
    void release(const std::string& pool);

    [[nodiscard]] const CpuSet& all() const noexcept { return all_; }
    [[nodiscard]] const Slots& of(const std::string& pool) const;
    [[nodiscard]] CpuSet of_others(const std::string& pool) const;
    [[nodiscard]] const std::map<std::string, Slots>& by_pool() const noexcept { return pools_; }

private:
    std::map<std::string, Slots> pools_;  // none is empty
    CpuSet all_;
};

}  // namespace pinion::cpu
