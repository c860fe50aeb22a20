// SPDX-License-Identifier: Apache-2.0
// Cpusets of workers: switching them on, and setting them.
#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "base/text.h"
#include "process/cgroup.h"
#include "process/cgroup_controllers.h"
#include "process/cgroup_files.h"

namespace pinion::process {
namespace {

constexpr std::size_t max_list_bytes = 4096;

// One of the two files of a cpuset, and the file that lists all that there may ever be of its kind.
struct ListFile {
    const char* name;
    const char* possible;
};
constexpr ListFile cpus_file{"cpuset.cpus", "/sys/devices/system/cpu/possible"};
constexpr ListFile mems_file{"cpuset.mems", "/sys/devices/system/node/possible"};

Result<void> write_text(int folder, const char* name, const std::string& list) {
    const UniqueFd file(::openat(folder, name, O_WRONLY | O_CLOEXEC));
    // An empty write would not reach the kernel's parser.
    const auto written = file ? write_all(file.fd(), list + "\n") : fail_last("open it");
    if (written) return {};
    return in_context("set '" + std::string(name) + "' to '" + list + "'", written.error());
}

// A cpuset with processes in it can't be emptied again, but all that is possible means the same: what the parent has.
Result<void> write_list(int folder, const ListFile& file, const CpuSet& set) {
    auto written = write_text(folder, file.name, set.to_list());
    if (written || !set.empty() || written.error().code != ENOSPC) return written;
    PINION_TRY(possible, read_file(file.possible, max_list_bytes));
    return write_text(folder, file.name, std::string(trim(possible)));
}

std::string none_or(std::string_view list) { return list.empty() ? "none" : "'" + std::string(list) + "'"; }

}  // namespace

Result<bool> switch_controller_on(const std::string& folder, std::string_view controller) {
    PINION_TRY(there, read_file(folder + "/cgroup.controllers", max_list_bytes));
    if (!lists_controller(there, controller))
        return std::unexpected(Error{ENODEV, "cgroup '" + folder + "' was not given the controller '" +
                                                 std::string(controller) + "' (it has " + none_or(trim(there)) + ")"});
    const std::string path = folder + "/cgroup.subtree_control";
    PINION_TRY(used, read_file(path, max_list_bytes));
    if (lists_controller(used, controller)) return false;
    PINION_TRY(file, open_file(path, O_WRONLY));
    const auto written = write_all(file.fd(), "+" + std::string(controller));
    if (written) return true;
    return in_context("switch '" + std::string(controller) + "' on in '" + path + "'", written.error());
}

Result<void> Cgroups::enable_cpuset() {
    PINION_TRY(switched, switch_controller_on(folder_, cpuset_controller));
    switched_on_ = switched_on_ || switched;
    for (auto& [pool, with_cpusets] : pools_) {
        if (with_cpusets) continue;
        PINION_TRY(below, switch_controller_on(folder_ + "/" + pool, cpuset_controller));
        switched_on_ = switched_on_ || below;
        with_cpusets = true;
    }
    cpusets_ = true;
    return {};
}

Result<void> WorkerCgroup::confine(const CpuSet& cpus, const CpuSet& nodes) {
    const auto before = std::exchange(confinement_, std::nullopt);
    if (!before || before->cpus != cpus) PINION_CHECK(write_list(folder_.fd(), cpus_file, cpus));
    if (!before || before->nodes != nodes) PINION_CHECK(write_list(folder_.fd(), mems_file, nodes));
    confinement_.emplace(cpus, nodes);
    return {};
}

}  // namespace pinion::process
