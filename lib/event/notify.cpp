// SPDX-License-Identifier: Apache-2.0
#include "event/notify.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"

namespace pinion::event {
namespace {

// SCM_MAX_FD: the most that one message can carry.
constexpr std::size_t max_passed_fds = 253;

// A status is one line of the protocol.
std::string status_line(std::string_view status) {
    std::string line = "STATUS=" + std::string(status);
    std::ranges::replace(line, '\n', ' ');
    return line;
}

// How long a service manager that does not read may hold us for a message that it has to get.
constexpr timeval longest_wait{.tv_sec = 0, .tv_usec = 100'000};

enum class Urgency { droppable, needed };

// Nobody listening is no failure of ours: the result is dropped. sd_notify would wait for ever where the socket is
// full.
void send(const std::string& state, Urgency urgency) {
    const char* variable = std::getenv("NOTIFY_SOCKET");
    const std::string_view path = variable != nullptr ? variable : "";
    sockaddr_un address{.sun_family = AF_UNIX};
    if (path.size() < 2 || path.size() >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path[0] == '@') address.sun_path[0] = '\0';
    const auto length = offsetof(sockaddr_un, sun_path) + path.size() + (path[0] == '/' ? 1 : 0);
    const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return;
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &longest_wait, sizeof longest_wait);
    const int flags = MSG_NOSIGNAL | (urgency == Urgency::droppable ? MSG_DONTWAIT : 0);
    static_cast<void>(::sendto(socket.fd(), state.data(), state.size(), flags,
                               reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length)));
}

// Reads what came beside the datagram. Passed file descriptors are closed: nobody asked for them, and a worker must not
// fill our table with its own.
ucred take_control(msghdr& header) {
    ucred sender{};
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET) continue;
        const std::size_t bytes = part->cmsg_len - CMSG_LEN(0);
        if (part->cmsg_type == SCM_CREDENTIALS && bytes >= sizeof sender)
            std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
        if (part->cmsg_type != SCM_RIGHTS) continue;
        for (std::size_t i = 0; i + sizeof(int) <= bytes; i += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i, sizeof fd);
            UniqueFd(fd).reset();
        }
    }
    return sender;
}

WorkerMessage interpret(std::string_view datagram) {
    WorkerMessage message;
    const auto assignments = parse_assignments(datagram);
    if (const auto ready = assignments.find("READY"); ready != assignments.end()) message.ready = ready->second == "1";
    if (const auto status = assignments.find("STATUS"); status != assignments.end())
        message.status = printable(status->second, max_status_bytes);
    return message;
}

}  // namespace

void notify_ready(std::string_view status) { send("READY=1\n" + status_line(status), Urgency::needed); }

void notify_status(std::string_view status) { send(status_line(status), Urgency::droppable); }

void notify_reloading(std::string_view status) {
    const auto now = MonotonicClock::now().time_since_epoch().count();
    send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now) + "\n" + status_line(status), Urgency::needed);
}

void notify_stopping(std::string_view status, Duration longest) {
    send("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(longest.count()) + "\n" + status_line(status),
         Urgency::needed);
}

Result<NotifySocket> NotifySocket::bind(const std::string& path) {
    const std::string what = "bind the notify socket '" + path + "'";
    sockaddr_un address{.sun_family = AF_UNIX};
    constexpr std::size_t longest = sizeof address.sun_path - 1;
    if (path.empty() || path.size() > longest)
        return std::unexpected(Error{ENAMETOOLONG, what + ": its path has " + std::to_string(path.size()) +
                                                       " bytes, between 1 and " + std::to_string(longest) +
                                                       " can be bound"});
    path.copy(address.sun_path, longest);

    UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail_last("make a notify socket");
    // Before it can be reached, so that no message comes without credentials.
    const int on = 1;
    if (::setsockopt(fd.fd(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) return fail_last(what);
    if (::unlink(path.c_str()) < 0 && errno != ENOENT) return fail_last("replace '" + path + "'");
    if (::bind(fd.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return fail_last(what);
    // The umask has narrowed the mode, and fchmod doesn't reach a socket's file.
    if (::chmod(path.c_str(), 0666) < 0) return fail_last(what);
    return NotifySocket(std::move(fd));
}

Result<std::optional<WorkerMessage>> NotifySocket::receive() {
    std::array<char, max_datagram_bytes> data;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * max_passed_fds)> control;
    iovec part{.iov_base = data.data(), .iov_len = data.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    ssize_t size = 0;
    do {
        size = ::recvmsg(fd_.fd(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
    if (size < 0) return fail_last("receive a worker's notification");

    const ucred sender = take_control(header);
    const bool whole = (header.msg_flags & MSG_TRUNC) == 0;
    WorkerMessage message =
        whole ? interpret(std::string_view(data.data(), static_cast<std::size_t>(size))) : WorkerMessage{};
    message.sender = sender.pid;
    message.uid = sender.uid;
    return message;
}

std::map<std::string, std::string> parse_assignments(std::string_view datagram) {
    std::map<std::string, std::string> assignments;
    for (const auto line : split(datagram, '\n')) {
        const auto equals = line.find('=');
        if (equals == std::string_view::npos || equals == 0) continue;
        assignments.try_emplace(std::string(line.substr(0, equals)), line.substr(equals + 1));
    }
    return assignments;
}

}  // namespace pinion::event
