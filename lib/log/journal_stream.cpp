// SPDX-License-Identifier: Apache-2.0
// A stream to journald by hand, since sd_journal_stream_fd blocks while journald does not answer.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"
#include "log/sink.h"

namespace pinion::log {
namespace {

constexpr std::string_view stream_socket = "/run/systemd/journal/stdout";

// As systemd gives the services it starts: a burst of output should not stop a worker.
constexpr int send_buffer_bytes = 8 << 20;

// What journald expects first, a line each: identifier, unit, priority, whether "<N>" prefixes count, and whether to
// forward to syslog, the kernel's log and the console.
std::string stream_header(std::string identifier, Priority priority) {
    std::ranges::replace(identifier, '\n', ' ');
    return identifier + "\n\n" + std::to_string(static_cast<int>(priority)) + "\n1\n0\n0\n0\n";
}

}  // namespace

Result<int> connect_journal_stream(const std::string& identifier, Priority priority) {
    const std::string what = "connect to the journal at '" + std::string(stream_socket) + "'";
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail_last("make a socket");
    sockaddr_un address{.sun_family = AF_UNIX};
    stream_socket.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return fail_last(what);
    if (::shutdown(fd.fd(), SHUT_RD) < 0) return fail_last(what);
    // A smaller buffer serves as well.
    static_cast<void>(::setsockopt(fd.fd(), SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes));
    const std::string header = stream_header(identifier, priority);
    const ssize_t sent = ::send(fd.fd(), header.data(), header.size(), MSG_NOSIGNAL);
    if (sent < 0) return fail_last(what);
    if (static_cast<std::size_t>(sent) != header.size()) return fail_errno(EAGAIN, what);
    // The worker's own writes block, as on any standard output.
    if (::fcntl(fd.fd(), F_SETFL, 0) < 0) return fail_last(what);
    return fd.release();
}

}  // namespace pinion::log
