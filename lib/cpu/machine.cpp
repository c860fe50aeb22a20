// SPDX-License-Identifier: Apache-2.0
#include "cpu/machine.h"

#include <dirent.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "cpu/quota.h"
#include "model/limits.h"

namespace pinion::cpu {
namespace {

// A process that starts threads faster than they can be pinned is given up after so many looks at its threads.
constexpr int max_passes = 64;
// Mask buffers grow up to this many words; the kernel's CONFIG_NR_CPUS is at most 8192.
constexpr std::size_t max_mask_words = 1024;
constexpr std::size_t max_list_bytes = 65536;

struct CloseFolder {
    void operator()(DIR* folder) const noexcept { closedir(folder); }
};

CpuSet from_words(const std::vector<std::uint64_t>& words) {
    CpuSet cpus;
    const std::size_t known = std::min<std::size_t>(words.size(), limits::max_cpus / 64);
    for (std::size_t i = 0; i < known; ++i)
        for (std::uint64_t rest = words[i]; rest != 0; rest &= rest - 1)
            cpus.add(static_cast<std::uint32_t>(i * 64) + static_cast<std::uint32_t>(std::countr_zero(rest)));
    return cpus;
}

Result<std::vector<int>> threads_of(int pid) {
    const std::string path = "/proc/" + std::to_string(pid) + "/task";
    const std::unique_ptr<DIR, CloseFolder> folder(opendir(path.c_str()));
    if (!folder) return fail_errno(errno == ENOENT ? ESRCH : errno, "list its threads");
    std::vector<int> tids;
    for (;;) {
        errno = 0;
        const dirent* const entry = readdir(folder.get());
        if (entry == nullptr) break;
        if (const auto tid = parse_integer(entry->d_name)) tids.push_back(static_cast<int>(*tid));
    }
    // The folder of a process that ends meanwhile fails, or just runs dry.
    if (errno != 0) return fail_errno(errno == ENOENT ? ESRCH : errno, "list its threads");
    if (tids.empty()) return fail_errno(ESRCH, "list its threads");
    return tids;
}

// The kernel leaves out what is offline just now, and takes it in again when it comes.
CpuSet offline_of(const CpuSet& mask) {
    const auto text = read_file("/sys/devices/system/cpu/online", max_list_bytes);
    if (!text) return {};
    const auto online = CpuSet::parse(*text);
    return online ? mask - *online : CpuSet{};
}

Result<void> pin_thread(int tid, const CpuSet& mask) {
    const auto& words = mask.words();
    const auto* const set = reinterpret_cast<const cpu_set_t*>(words.data());
    if (sched_setaffinity(tid, words.size() * sizeof(words[0]), set) != 0)
        return fail_last("set the mask of thread " + std::to_string(tid));
    PINION_TRY(in_force, read_affinity(tid));
    if (in_force == mask || in_force == mask - offline_of(mask)) return {};
    return fail("set the mask of thread " + std::to_string(tid) + ": the kernel gave it '" + in_force.to_list() + "'");
}

Result<void> pin_all_threads(int pid, const CpuSet& mask) {
    std::set<int> pinned;
    for (int pass = 0; pass < max_passes; ++pass) {
        PINION_TRY(tids, threads_of(pid));
        bool found_new = false;
        for (const int tid : tids) {
            if (!pinned.insert(tid).second) continue;
            found_new = true;
            const auto result = pin_thread(tid, mask);
            if (!result && result.error().code != ESRCH) return result;
        }
        // Threads inherit the mask of the one that starts them: none is left to start an unpinned one.
        if (!found_new) return {};
    }
    return fail("its threads change faster than they can be pinned");
}

}  // namespace

Result<CpuSet> read_affinity(int tid) {
    for (std::vector<std::uint64_t> words(limits::max_cpus / 64);; words.assign(words.size() * 2, 0)) {
        auto* const set = reinterpret_cast<cpu_set_t*>(words.data());
        if (sched_getaffinity(tid, words.size() * sizeof(words[0]), set) == 0) return from_words(words);
        // EINVAL: the kernel's masks are longer than the buffer.
        if (errno != EINVAL || words.size() >= max_mask_words)
            return fail_last("read the mask of thread " + std::to_string(tid));
    }
}

Result<MachineLimits> read_limits() {
    MachineLimits limits;
    PINION_TRY(inherited, read_affinity(0));
    limits.inherited = std::move(inherited);
    PINION_TRY(effective, read_effective_cpus(""));
    if (effective) limits.effective = *std::move(effective);
    PINION_TRY(quota, read_quota(""));
    limits.quota = quota;
    // A kernel without the file isolates nothing.
    if (const auto isolated = read_file("/sys/devices/system/cpu/isolated", max_list_bytes))
        if (auto cpus = CpuSet::parse(*isolated)) limits.isolated = *std::move(cpus);
    return limits;
}

Universe universe_of(const MachineLimits& limits, const Topology& topology, const MachineSpec& machine) {
    Universe universe{.allowed = topology.root.cpus, .machine = machine, .quota = limits.quota};
    universe.isolated = limits.isolated;
    if (machine.inherited_mask && !limits.inherited.empty()) universe.allowed &= limits.inherited;
    if (machine.isolated != MachineSpec::Isolated::skip) universe.allowed |= topology.root.cpus & limits.isolated;
    if (!limits.effective.empty()) universe.allowed &= limits.effective;
    return universe;
}

CpuSet bounding_mask(const MachineLimits& limits, const CpuSet& online) {
    CpuSet everything = online - limits.isolated;
    if (!limits.effective.empty()) everything &= limits.effective;
    return everything.is_subset_of(limits.inherited) ? CpuSet{} : limits.inherited;
}

Result<std::optional<CpuSet>> find_drift(int pid, const CpuSet& permitted) {
    PINION_TRY(tids, threads_of(pid));
    for (const int tid : tids) {
        auto mask = read_affinity(tid);
        if (!mask && mask.error().code == ESRCH) continue;
        if (!mask) return std::unexpected(std::move(mask).error());
        if (!mask->is_subset_of(permitted)) return *std::move(mask);
    }
    return std::nullopt;
}

Result<std::uint32_t> runnable_threads(int pid) {
    PINION_TRY(tids, threads_of(pid));
    std::uint32_t runnable = 0;
    for (const int tid : tids) {
        const auto stat = read_file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid) + "/stat", 4096);
        const auto name_end = stat ? stat->rfind(") ") : std::string::npos;
        if (name_end != std::string::npos && name_end + 2 < stat->size() && (*stat)[name_end + 2] == 'R') ++runnable;
    }
    return runnable;
}

Result<void> pin_process(int pid, const CpuSet& mask) {
    const std::string what = "pin process " + std::to_string(pid) + " to the CPUs '" + mask.to_list() + "'";
    if (mask.empty()) return fail_errno(EINVAL, what);
    if (auto result = pin_all_threads(pid, mask); !result) return in_context(what, std::move(result).error());
    return {};
}

}  // namespace pinion::cpu
