// SPDX-License-Identifier: Apache-2.0
#include "base/unix_connect.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

namespace pinion {
namespace {

void bound_sends(int socket, Duration most) noexcept {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(most);
    const timeval time{.tv_sec = seconds.count(), .tv_usec = (most - seconds).count()};
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

}  // namespace

int connect_within(int socket, const sockaddr_un& address, Duration patience) noexcept {
    constexpr Duration longest = std::chrono::hours(24 * 365);
    bound_sends(socket, std::clamp(patience, Duration(1), longest));  // 0 would be for ever
    const int done = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int error = done == 0 ? 0 : errno;
    bound_sends(socket, Duration::zero());
    return error == EAGAIN ? ETIMEDOUT : error;
}

}  // namespace pinion
