// SPDX-License-Identifier: Apache-2.0
// One cgroup of a worker: is somebody in it, end them.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "base/text.h"
#include "process/cgroup.h"
#include "process/cgroup_files.h"
#include "process/raw_syscall.h"

namespace pinion::process {
namespace {

constexpr std::size_t max_file_bytes = 8 << 20;
constexpr int max_passes = 100;

std::string path_of(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Result<void> write_to(int folder, const char* name, std::string_view text) {
    const UniqueFd file(::openat(folder, name, O_WRONLY | O_CLOEXEC));
    if (!file) return fail_last(std::string("open '") + name + "'");
    return write_all(file.fd(), text);
}

std::vector<pid_t> processes_below(const std::string& folder) {
    std::vector<pid_t> pids;
    const auto add = [&](const std::string& path) {
        const auto text = read_file(path + "/cgroup.procs", max_file_bytes);
        if (!text) return;
        for (const std::string_view line : split(*text, '\n'))
            if (const auto pid = parse_integer(line); pid && *pid > 0) pids.push_back(static_cast<pid_t>(*pid));
    };
    add(folder);
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error))
        if (entry->is_directory(error)) add(entry->path().string());
    return pids;
}

// A pid that is listed again after its pidfd is open names a member, whoever it was before.
void kill_listed(const std::string& folder) {
    for (const pid_t pid : processes_below(folder)) {
        const long opened = raw_syscall(SYS_pidfd_open, pid, 0);
        if (opened < 0) continue;
        const UniqueFd pidfd(static_cast<int>(opened));
        const auto again = processes_below(folder);
        if (std::ranges::find(again, pid) != again.end())
            raw_syscall(SYS_pidfd_send_signal, pidfd.fd(), SIGKILL, nullptr, 0);
    }
}

}  // namespace

Result<bool> WorkerCgroup::populated() const {
    std::array<char, 256> text{};
    const ssize_t length = ::pread(events_.fd(), text.data(), text.size(), 0);
    if (length < 0) {
        if (errno == ENODEV) return false;  // the folder was removed: nobody is in it
        return fail_last("read 'cgroup.events'");
    }
    const auto value = find_flat_value({text.data(), static_cast<std::size_t>(length)}, "populated");
    if (!value) return fail("read 'cgroup.events': no 'populated' in it");
    return *value != 0;
}

Result<void> WorkerCgroup::kill() const {
    const auto killed = write_to(folder_.fd(), "cgroup.kill", "1");
    if (killed || killed.error().code != ENOENT) {
        if (killed || killed.error().code == ENODEV) return {};  // removed: nobody is left
        return in_context("kill a cgroup", killed.error());
    }
    // Before 5.14. Frozen processes don't fork, and SIGKILL ends them all the same; before 5.2 the passes must do.
    (void)write_to(folder_.fd(), "cgroup.freeze", "1");
    for (int i = 0; i < max_passes; ++i) {
        const auto left = populated();
        if (!left || !*left) break;
        kill_listed(path_of(folder_.fd()));
    }
    (void)write_to(folder_.fd(), "cgroup.freeze", "0");
    return {};
}

std::vector<pid_t> WorkerCgroup::members() const { return processes_below(path_of(folder_.fd())); }

std::optional<std::uint64_t> WorkerCgroup::oom_kills() const {
    const UniqueFd file(::openat(folder_.fd(), "memory.events", O_RDONLY | O_CLOEXEC));
    std::array<char, 1024> text{};
    const ssize_t length = file ? ::read(file.fd(), text.data(), text.size()) : -1;
    if (length < 0) return std::nullopt;
    return find_flat_value({text.data(), static_cast<std::size_t>(length)}, "oom_kill");
}

}  // namespace pinion::process
