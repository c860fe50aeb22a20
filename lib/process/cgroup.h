// SPDX-License-Identifier: Apache-2.0
// The cgroup v2 tree of the daemon: `_daemon` for itself, POOL/SLOT for each worker. Used only where our own cgroup was
// delegated to us, or where the operator named one. The one home of cgroupfs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "model/cpu_set.h"

namespace pinion::process {

// How long `take_over` waits, in all, for killed processes to be gone (one may hang in the kernel).
inline constexpr Duration takeover_patience = std::chrono::seconds(5);

// One worker's cgroup; removed by `Cgroups::remove`, not by the destructor.
class WorkerCgroup {
public:
    // `fresh`: made just now, so that it confines nobody yet.
    WorkerCgroup(UniqueFd folder, UniqueFd events, bool fresh = false)
        : folder_(std::move(folder)), events_(std::move(events)) {
        if (fresh) confinement_.emplace();
    }
    // For CLONE_INTO_CGROUP and openat.
    [[nodiscard]] int folder_fd() const noexcept { return folder_.fd(); }
    // cgroup.events, kept open: readable changes are told by inotify or EPOLLPRI.
    [[nodiscard]] int events_fd() const noexcept { return events_.fd(); }
    // Whether a process is in it, by `populated` of cgroup.events. May lag behind the reaping of the last one for a
    // moment; the change is told by `events_fd`.
    [[nodiscard]] Result<bool> populated() const;
    // SIGKILL to all in it: cgroup.kill, or on kernels before 5.14 each pid until empty.
    [[nodiscard]] Result<void> kill() const;
    // The processes in it and in what they made below it, those that can be seen from here.
    [[nodiscard]] std::vector<pid_t> members() const;
    // Lets its processes use these CPUs and memory nodes only; an empty set is whatever the parent has. Writes what
    // differs from the last call. For slots of `Cgroups` that has cpusets enabled.
    [[nodiscard]] Result<void> confine(const CpuSet& cpus, const CpuSet& nodes);
    // memory.events' oom_kill; nothing where the memory controller is not enabled.
    [[nodiscard]] std::optional<std::uint64_t> oom_kills() const;

private:
    struct Confinement {
        CpuSet cpus;
        CpuSet nodes;
    };
    UniqueFd folder_;
    UniqueFd events_;
    std::optional<Confinement> confinement_;  // nothing: not known
};

// The file memory.events of the cgroup that we are in. Nothing where that has no memory controller, or where there is
// no cgroup v2.
[[nodiscard]] std::optional<std::string> own_memory_events();

class Cgroups {
public:
    // Our own cgroup if systemd delegated it (the `trusted.delegate` or `user.delegate` xattr) and it is writable.
    // Nothing where it is not; then trees are ended by process group and subreaper.
    [[nodiscard]] static std::optional<Cgroups> find_delegated();
    // Our own cgroup where it is writable, whether or not it bears the mark of delegation: a user's systemd 252
    // delegates without one.
    [[nodiscard]] static std::optional<Cgroups> find_own();
    // A folder of a cgroup2 file system that the operator names with --cgroup; made if missing.
    [[nodiscard]] static Result<Cgroups> at(const std::string& folder);

    // Kills whatever a dead predecessor left below POOL/SLOT, waits until it is gone (bounded), removes the folders,
    // then moves this process into `_daemon`. EBUSY, with nothing touched, where another process is in `_daemon`: that
    // daemon lives. Then gives every POOL/SLOT that is made from here on the memory controller, where our folder was
    // given it: `WorkerCgroup::oom_kills` reads it. Returns the slots, as "web/0", in which somebody still lived.
    [[nodiscard]] Result<std::vector<std::string>> take_over();

    // Makes POOL/SLOT. Where it exists: afresh if it is empty (a cgroup that was killed is a bad place to be born, see
    // spawn_methods.h), else as it is. To be called for each start of a worker.
    [[nodiscard]] Result<WorkerCgroup> make(const std::string& pool, Slot slot);
    // Removes POOL/SLOT (and folders the worker made below it), and POOL when it was the last. EBUSY while populated;
    // success where there is none.
    [[nodiscard]] Result<void> remove(const std::string& pool, Slot slot);

    // Gives every POOL/SLOT a cpuset, those that are there and those made from here on. Our own folder's cpuset is
    // never written, nor POOL's: they are what they inherit. The error says what is in the way, nothing being changed
    // but for what was enabled already. On Linux 6.1 the affinity of all below our folder, this process's too, is then
    // what their cpusets allow: to be set again.
    [[nodiscard]] Result<void> enable_cpuset();
    // Whether we ever had to switch the controller on.
    [[nodiscard]] bool switched_cpuset_on() const noexcept { return switched_on_; }
    // Whether what `make` gives has the memory controller, so that `WorkerCgroup::oom_kills` tells.
    [[nodiscard]] bool counts_oom_kills() const noexcept { return memory_; }

    [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

private:
    explicit Cgroups(std::string folder) : folder_(std::move(folder)) {}
    std::string folder_;
    std::map<std::string, bool> pools_;  // made by us; whether its slots have cpusets
    bool cpusets_ = false;
    bool memory_ = false;
    bool switched_on_ = false;
};

}  // namespace pinion::process
