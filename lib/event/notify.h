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

namespace pinion::event {

// To the service manager; silently nothing where there is none ($NOTIFY_SOCKET unset).
void notify_ready(std::string_view status);
void notify_status(std::string_view status);
void notify_reloading(std::string_view status);  // RELOADING=1 with MONOTONIC_USEC; to be followed by notify_ready
void notify_stopping(std::string_view status);

// What a worker sent.
struct WorkerMessage {
    pid_t sender = 0;  // by SCM_CREDENTIALS
    bool ready = false;
    std::optional<std::string> status;
};

// A datagram socket that workers reach by its path: NOTIFY_SOCKET. Datagrams are bounded (4 KiB), malformed ones and
// unknown assignments are ignored.
class NotifySocket {
public:
    // Binds at `path` (an old file there is replaced), mode 0666: the sender is judged by its credentials.
    [[nodiscard]] static Result<NotifySocket> bind(const std::string& path);
    // One datagram; nothing when there is none (EAGAIN).
    [[nodiscard]] Result<std::optional<WorkerMessage>> receive();
    [[nodiscard]] int fd() const noexcept { return fd_.fd(); }

private:
    explicit NotifySocket(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

// The pure half: the assignments of one datagram. Lines without "=" and repeated keys are ignored after the first.
[[nodiscard]] std::map<std::string, std::string> parse_assignments(std::string_view datagram);

}  // namespace pinion::event
