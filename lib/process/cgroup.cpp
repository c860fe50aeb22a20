// SPDX-License-Identifier: Apache-2.0
#include "process/cgroup.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "base/text.h"
#include "base/time.h"
#include "process/cgroup_controllers.h"
#include "process/cgroup_files.h"

namespace pinion::process {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_file_bytes = 8 << 20;
constexpr const char* daemon_folder = "_daemon";

std::optional<std::string> own_folder() {
    const auto cgroup = read_file("/proc/self/cgroup", max_file_bytes);
    const auto mounts = read_file("/proc/self/mountinfo", max_file_bytes);
    if (!cgroup || !mounts) return std::nullopt;
    const auto path = parse_own_cgroup(*cgroup);
    return path ? find_cgroup_folder(parse_mountinfo(*mounts), *path) : std::nullopt;
}

bool is_delegated(const std::string& folder) {
    for (const char* name : {"trusted.delegate", "user.delegate"}) {
        std::array<char, 8> value{};
        const ssize_t length = ::getxattr(folder.c_str(), name, value.data(), value.size());
        if (length == 1 && value[0] == '1') return true;
    }
    return false;
}

bool is_cgroup2(const std::string& folder) {
    struct statfs facts{};
    return ::statfs(folder.c_str(), &facts) == 0 && facts.f_type == CGROUP2_SUPER_MAGIC;
}

std::vector<std::string> folders_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (entry->is_directory(error)) names.push_back(entry->path().filename().string());
    std::ranges::sort(names);
    return names;
}

// A cgroup that is gone is success.
Result<void> remove_one(const std::string& folder) {
    if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) return {};
    return fail_last("remove cgroup '" + folder + "'");
}

// The folders below first: a cgroup with children can't be removed.
Result<void> remove_with_children(const std::string& folder) {
    std::vector<std::string> found{folder};
    for (std::size_t i = 0; i < found.size(); ++i)
        for (const std::string& name : folders_in(found[i])) found.push_back(found[i] + "/" + name);
    for (auto path = found.rbegin(); path != found.rend(); ++path) PINION_CHECK(remove_one(*path));
    return {};
}

Result<void> make_folder(const std::string& folder) {
    if (::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST) return {};
    return fail_last("make cgroup '" + folder + "'");
}

Result<WorkerCgroup> open_worker(const std::string& folder, bool fresh = false) {
    PINION_TRY(directory, open_file(folder, O_PATH | O_DIRECTORY));
    PINION_TRY(events, open_file(folder + "/cgroup.events", O_RDONLY));
    return WorkerCgroup(std::move(directory), std::move(events), fresh);
}

// cgroup.events wakes POLLPRI when it changes; the read before the wait arms it.
Result<void> wait_until_empty(const WorkerCgroup& worker, MonotonicTime deadline) {
    for (;;) {
        PINION_TRY(populated, worker.populated());
        if (!populated) return {};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - MonotonicClock::now());
        if (left.count() <= 0) return fail_errno(ETIMEDOUT, "wait for its processes to end");
        pollfd poll{worker.events_fd(), POLLPRI, 0};
        if (::poll(&poll, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) return fail_last("wait");
    }
}

// Whether somebody was in it.
Result<bool> end_leftover(const std::string& folder, MonotonicTime deadline) {
    const auto end = [&]() -> Result<bool> {
        PINION_TRY(worker, open_worker(folder));
        PINION_TRY(populated, worker.populated());
        PINION_CHECK(worker.kill());
        PINION_CHECK(wait_until_empty(worker, deadline));
        PINION_CHECK(remove_with_children(folder));
        return populated;
    };
    auto ended = end();
    if (ended) return ended;
    return in_context("end what a predecessor left in cgroup '" + folder + "'", std::move(ended).error());
}

// What `make` may have made: POOL/SLOT, no other folder of the operator's.
bool is_slot_folder(const std::string& name) {
    const auto number = parse_integer(name);
    return number && *number >= 0 && std::to_string(*number) == name;
}

// Another process in `_daemon` is another daemon, whose workers are not leftovers.
Result<void> check_unused(const std::string& folder) {
    const auto text = read_file(folder + "/" + daemon_folder + "/cgroup.procs", max_file_bytes);
    if (!text) return {};
    for (const std::string_view line : split(*text, '\n')) {
        const auto pid = parse_integer(line);
        if (pid && *pid != ::getpid())
            return fail_errno(EBUSY, "use cgroup '" + folder + "', which is process " + std::to_string(*pid) + "'s");
    }
    return {};
}

Result<void> check_outside(const std::string& slot_folder) {
    const auto own = own_folder();
    if (!own || !(*own + "/").starts_with(slot_folder + "/")) return {};
    return fail_errno(EBUSY, "end what is in cgroup '" + slot_folder + "', where this process runs itself");
}

}  // namespace

std::optional<std::string> own_memory_events() {
    const auto folder = own_folder();
    if (!folder) return std::nullopt;
    std::string file = *folder + "/memory.events";
    return ::access(file.c_str(), R_OK) == 0 ? std::optional(std::move(file)) : std::nullopt;
}

std::optional<Cgroups> Cgroups::find_delegated() {
    auto own = find_own();
    if (own && !is_delegated(own->folder_)) return std::nullopt;
    return own;
}

std::optional<Cgroups> Cgroups::find_own() {
    auto folder = own_folder();
    if (!folder) return std::nullopt;
    // After a re-exec we are where `take_over` put us.
    const std::string suffix = std::string("/") + daemon_folder;
    if (folder->ends_with(suffix)) folder->resize(folder->size() - suffix.size());
    const bool writable =
        ::access(folder->c_str(), W_OK) == 0 && ::access((*folder + "/cgroup.procs").c_str(), W_OK) == 0;
    if (!writable) return std::nullopt;
    return Cgroups(std::move(*folder));
}

Result<Cgroups> Cgroups::at(const std::string& folder) {
    const bool made = ::mkdir(folder.c_str(), 0755) == 0;
    if (!made && errno != EEXIST) return fail_last("make cgroup '" + folder + "'");
    std::error_code error;
    const std::string canonical = fs::canonical(folder, error).string();
    if (error) return fail_errno(error.value(), "use cgroup '" + folder + "'");
    if (!is_cgroup2(canonical)) {
        if (made) ::rmdir(folder.c_str());
        return fail("use cgroup '" + folder + "': not on a cgroup2 file system");
    }
    return Cgroups(canonical);
}

Result<std::vector<std::string>> Cgroups::take_over() {
    PINION_CHECK(check_unused(folder_));
    std::vector<std::string> found;
    const MonotonicTime deadline = add_saturating(MonotonicClock::now(), takeover_patience);
    for (const std::string& pool : folders_in(folder_)) {
        if (!is_name(pool)) continue;
        const std::string pool_folder = folder_ + "/" + pool;
        for (const std::string& slot : folders_in(pool_folder)) {
            if (!is_slot_folder(slot)) continue;
            PINION_CHECK(check_outside(pool_folder + "/" + slot));
            PINION_TRY(populated, end_leftover(pool_folder + "/" + slot, deadline));
            if (populated) found.push_back(pool + "/" + slot);
        }
        // A folder of other things stays.
        ::rmdir(pool_folder.c_str());
    }
    const std::string own = folder_ + "/" + daemon_folder;
    PINION_CHECK(make_folder(own));
    PINION_TRY(procs, open_file(own + "/cgroup.procs", O_WRONLY));
    auto moved = write_all(procs.fd(), "0");
    if (!moved) return in_context("move into cgroup '" + own + "'", std::move(moved).error());
    // Without it nobody can tell why the kernel killed a worker, which stops nothing else.
    memory_ = switch_controller_on(folder_, memory_controller).has_value();
    return found;
}

Result<WorkerCgroup> Cgroups::make(const std::string& pool, Slot slot) {
    if (!is_name(pool)) return fail_errno(EINVAL, "make a cgroup for pool '" + pool + "'");
    PINION_CHECK(make_folder(folder_ + "/" + pool));
    const auto [known, is_new] = pools_.try_emplace(pool);
    if (is_new && memory_) (void)switch_controller_on(folder_ + "/" + pool, memory_controller);
    bool& with_cpusets = known->second;
    if (cpusets_ && !with_cpusets) {
        PINION_TRY(switched, switch_controller_on(folder_ + "/" + pool, cpuset_controller));
        static_cast<void>(switched);
        with_cpusets = true;
    }
    const std::string folder = folder_ + "/" + slot_name(pool, slot);
    // Fails, and should, where somebody is in it.
    ::rmdir(folder.c_str());
    const bool fresh = ::mkdir(folder.c_str(), 0755) == 0;
    if (!fresh && errno != EEXIST) return fail_last("make cgroup '" + folder + "'");
    return open_worker(folder, fresh);
}

Result<void> Cgroups::remove(const std::string& pool, Slot slot) {
    if (!is_name(pool)) return fail_errno(EINVAL, "remove the cgroup of pool '" + pool + "'");
    const std::string folder = folder_ + "/" + slot_name(pool, slot);
    if (::access(folder.c_str(), F_OK) == 0) {
        PINION_TRY(worker, open_worker(folder));
        PINION_TRY(populated, worker.populated());
        if (populated) return fail_errno(EBUSY, "remove cgroup '" + folder + "'");
        PINION_CHECK(remove_with_children(folder));
    }
    const std::string pool_folder = folder_ + "/" + pool;
    if (::rmdir(pool_folder.c_str()) == 0 || errno == ENOENT) {
        pools_.erase(pool);
        return {};
    }
    if (errno == ENOTEMPTY || errno == EBUSY) return {};
    return fail_last("remove cgroup '" + pool_folder + "'");
}

}  // namespace pinion::process
