// SPDX-License-Identifier: Apache-2.0
#include "daemon/folders.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/text.h"
#include "base/time.h"

namespace pinion::daemon {
namespace {

Result<void> make_folder(const std::string& path, mode_t mode) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return fail_errno(error.value(), "make the folder '" + path + "'");
    struct stat status{};
    if (::stat(path.c_str(), &status) < 0) return fail_last("look at '" + path + "'");
    if (!S_ISDIR(status.st_mode)) return fail_errno(ENOTDIR, "use '" + path + "' as a folder");
    // A folder in /tmp that a stranger made first would let that stranger replace our sockets.
    if (status.st_uid != ::geteuid() && status.st_uid != 0)
        return fail_errno(EPERM, "use '" + path + "', which belongs to uid " + std::to_string(status.st_uid));
    // Only what we own is ours to open or close; a folder that the service manager made for us has its mode already.
    if (status.st_uid == ::geteuid() && ::chmod(path.c_str(), mode) < 0)
        return fail_last("set the mode of '" + path + "'");
    return {};
}

// A daemon that was killed while it started a worker leaves its lock with that child, until the child is at its
// program.
constexpr auto patience = std::chrono::seconds{2};
constexpr auto pause = std::chrono::milliseconds{5};

bool is_dead(const std::string& pid) {
    const auto number = parse_integer(pid);
    return number && *number > 1 && ::kill(static_cast<pid_t>(*number), 0) < 0 && errno == ESRCH;
}

Result<UniqueFd> lock(const std::string& folder) {
    const std::string path = folder + "/lock";
    PINION_TRY(file, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0644));
    const auto until = MonotonicClock::now() + patience;
    while (::flock(file.fd(), LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK) return fail_last("lock '" + path + "'");
        const auto holder = read_file(path, 64);
        const std::string pid = holder ? std::string(trim(*holder)) : "";
        if (is_dead(pid) && MonotonicClock::now() < until) {
            std::this_thread::sleep_for(pause);
            continue;
        }
        return fail("lock '" + folder + "': another piniond" + (pid.empty() ? "" : " (pid " + pid + ")") +
                    " uses it; stop that one, or give this one its own --runtime-dir and --state-dir");
    }
    if (::ftruncate(file.fd(), 0) < 0) return fail_last("write '" + path + "'");
    if (auto written = write_all(file.fd(), std::to_string(::getpid()) + "\n"); !written)
        return in_context("write '" + path + "'", std::move(written).error());
    return file;
}

Result<void> empty_notify_folder(const std::string& path) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return fail_errno(error.value(), "remove what is left in '" + path + "'");
    return make_folder(path, 0755);
}

}  // namespace

Result<FolderLocks> take_folders(const std::string& runtime_dir, const std::string& state_dir) {
    FolderLocks taken;
    PINION_CHECK(make_folder(runtime_dir, 0755));
    PINION_CHECK(make_folder(state_dir, 0750));
    PINION_TRY(runtime, lock(runtime_dir));
    taken.locks.push_back(std::move(runtime));
    if (state_dir != runtime_dir) {
        PINION_TRY(state, lock(state_dir));
        taken.locks.push_back(std::move(state));
    }
    PINION_CHECK(empty_notify_folder(runtime_dir + "/notify"));
    return taken;
}

}  // namespace pinion::daemon
