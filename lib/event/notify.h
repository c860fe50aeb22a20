// SPDX-License-Identifier: Apache-2.0
// Both ends of the sd_notify protocol: what we tell our service manager, and what workers tell us.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace pinion::event {

// To the service manager; silently nothing where there is none ($NOTIFY_SOCKET unset).
void notify_ready(std::string_view status);
void notify_status(std::string_view status);
void notify_reloading(std::string_view status);  // RELOADING=1 with MONOTONIC_USEC; to be followed by notify_ready
// `longest`: what the stop may take. Asked of the service manager, whose own limit may be shorter.
void notify_stopping(std::string_view status, Duration longest);

inline constexpr std::size_t max_datagram_bytes = 4096;
inline constexpr std::size_t max_status_bytes = 512;

// What a worker sent. `status` is printable, at most max_status_bytes of it.
struct WorkerMessage {
    pid_t sender = 0;  // this and `uid` by SCM_CREDENTIALS
    uid_t uid = 0;
    bool ready = false;
    std::optional<std::string> status;
};

// A datagram socket that workers reach by its path: NOTIFY_SOCKET. A datagram past max_datagram_bytes says nothing, as
// malformed ones and unknown assignments do. File descriptors that come along are closed.
class NotifySocket {
public:
    // Binds at `path` (an old file there is replaced), mode 0666: the sender is judged by its credentials. A path that
    // no socket can have (past 107 bytes) is ENAMETOOLONG.
    [[nodiscard]] static Result<NotifySocket> bind(const std::string& path);
    // One datagram, which may say nothing; no value when there is none (EAGAIN).
    [[nodiscard]] Result<std::optional<WorkerMessage>> receive();
    [[nodiscard]] int fd() const noexcept { return fd_.fd(); }

private:
    explicit NotifySocket(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

// The pure half: the assignments of one datagram. Lines without "=" and repeated keys are ignored after the first.
[[nodiscard]] std::map<std::string, std::string> parse_assignments(std::string_view datagram);

}  // namespace pinion::event
