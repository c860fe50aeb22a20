// SPDX-License-Identifier: Apache-2.0
#include "cpu/foreign.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/fd.h"
#include "base/text.h"
#include "cpu/machine.h"
#include "cpu/notes.h"
#include "cpu/quota.h"
#include "model/limits.h"

namespace pinion::cpu {
namespace {

constexpr unsigned long long kernel_thread_flag = 0x00200000;  // PF_KTHREAD
constexpr unsigned long long exiting_flag = 0x00000004;        // PF_EXITING
constexpr std::size_t max_stat_bytes = 4096;
constexpr std::size_t max_cgroup_bytes = 65536;
constexpr std::size_t names_shown = 3;

struct CloseFolder {
    void operator()(DIR* folder) const noexcept { closedir(folder); }
};

std::vector<int> all_pids() {
    std::vector<int> pids;
    const std::unique_ptr<DIR, CloseFolder> folder(opendir("/proc"));
    if (!folder) return pids;
    while (const dirent* const entry = readdir(folder.get()))
        if (const auto pid = parse_integer(entry->d_name)) pids.push_back(static_cast<int>(*pid));
    std::ranges::sort(pids);
    return pids;
}

std::string proc_file(int pid, const char* name) { return "/proc/" + std::to_string(pid) + "/" + name; }

std::string cgroup_of(int pid) {
    const auto text = read_file(proc_file(pid, "cgroup"), max_cgroup_bytes);
    return text ? parse_self_cgroup(*text).unified.value_or("") : "";
}

// What a process may use that nobody has pinned: its cgroup's cpuset, where it has one.
class Unpinned {
public:
    explicit Unpinned(CpuSet online) : online_(std::move(online)) {}
    [[nodiscard]] const CpuSet& of(int pid) {
        const auto [known, fresh] = by_cgroup_.try_emplace(cgroup_of(pid), online_);
        if (!fresh) return known->second;
        const auto effective = read_effective_cpus("", std::to_string(pid));
        if (effective && *effective) known->second = online_ & **effective;
        return known->second;
    }

private:
    CpuSet online_;
    std::map<std::string, CpuSet> by_cgroup_;
};

bool descends(int pid, int from, const std::map<int, StatLine>& processes) {
    for (int steps = 0; steps < 1000; ++steps) {
        if (pid == from) return true;
        const auto found = processes.find(pid);
        if (found == processes.end() || found->second.parent == pid) return false;
        pid = found->second.parent;
    }
    return false;
}

}  // namespace

std::optional<StatLine> parse_stat_line(std::string_view stat) {
    const auto name_begin = stat.find('(');
    const auto name_end = stat.rfind(") ");
    if (name_begin == std::string_view::npos || name_end == std::string_view::npos || name_end < name_begin)
        return std::nullopt;
    const auto fields = split(trim(stat.substr(name_end + 2)), ' ');  // from field 3 on
    if (fields.size() < 7) return std::nullopt;
    const auto parent = parse_integer(fields[1]);
    const auto flags = parse_integer(fields[6]);
    if (!parent || !flags) return std::nullopt;
    const auto bits = static_cast<unsigned long long>(*flags);
    return StatLine{.name = std::string(stat.substr(name_begin + 1, name_end - name_begin - 1)),
                    .parent = static_cast<int>(*parent),
                    .kernel_thread = (bits & kernel_thread_flag) != 0,
                    .ended = fields[0] == "Z" || fields[0] == "X" || (bits & exiting_flag) != 0};
}

std::vector<ForeignPin> find_foreign_pins() {
    std::vector<ForeignPin> pins;
    const auto online_text = read_file("/sys/devices/system/cpu/online", max_cgroup_bytes);
    auto online = online_text ? CpuSet::parse(*online_text) : fail("unknown");
    if (!online) return pins;
    std::map<int, StatLine> processes;
    for (const int pid : all_pids()) {
        const auto text = read_file(proc_file(pid, "stat"), max_stat_bytes);
        auto line = text ? parse_stat_line(*text) : std::nullopt;
        if (line) processes.emplace(pid, *std::move(line));
    }
    const int self = ::getpid();
    const std::string own_cgroup = cgroup_of(self);
    // Workers live beside the daemon's cgroup of its own, where there is one.
    constexpr std::string_view ours = "/_daemon";
    const std::string workers =
        own_cgroup.ends_with(ours) ? own_cgroup.substr(0, own_cgroup.size() - ours.size() + 1) : "";
    Unpinned unpinned(*online);
    for (const auto& [pid, process] : processes) {
        if (process.kernel_thread || process.ended || pins.size() >= limits::max_foreign_pins) continue;
        const auto mask = read_affinity(pid);
        if (!mask || online->is_subset_of(*mask)) continue;  // most of them: the cheap question first
        if (descends(pid, self, processes)) continue;
        if (!workers.empty() && cgroup_of(pid).starts_with(workers)) continue;
        if (!unpinned.of(pid).is_subset_of(*mask)) pins.push_back({pid, process.name, *mask});
    }
    return pins;
}

std::vector<PlanNote> foreign_notes(const Plan& plan, const std::vector<ForeignPin>& pins, bool errors) {
    std::vector<PlanNote> notes;
    for (const PoolSeats& pool : plan.pools) {
        std::vector<std::string> named;
        PlanNote note{errors ? "E_FOREIGN_PIN" : "W_FOREIGN_PIN", pool.pool, ""};
        std::size_t others = 0;
        for (const ForeignPin& pin : pins) {
            CpuSet shared;
            for (const Seat& seat : pool.seats)
                if (seat.exclusive && seat.cpus.intersects(pin.cpus)) {
                    shared |= seat.cpus & pin.cpus;
                    if (std::ranges::find(note.slots, seat.slot) == note.slots.end()) note.slots.push_back(seat.slot);
                }
            if (shared.empty()) continue;
            note.cpus |= shared;
            if (named.size() < names_shown)
                named.push_back("'" + printable(pin.name, 32) + "' (pid " + std::to_string(pin.pid) + ", on " +
                                pin.cpus.to_list() + ")");
            else
                ++others;
        }
        if (named.empty()) continue;
        std::ranges::sort(note.slots);
        note.message = join(named, ", ") + (others > 0 ? " and " + std::to_string(others) + " more" : "") +
                       (named.size() + others == 1 ? " is" : " are") + " pinned to CPUs of " +
                       slot_ranges(pool.pool, note.slots) + " (" + note.cpus.to_list() +
                       "): both run there. Try: pin them elsewhere, or leave these CPUs out with machine: {cpus} or "
                       "{reserve}";
        notes.push_back(std::move(note));
    }
    return notes;
}

}  // namespace pinion::cpu
