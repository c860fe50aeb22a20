// SPDX-License-Identifier: Apache-2.0
#include "base/unix_listener.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pinion {

Result<UniqueFd> listen_at(const std::string& path, int backlog) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail_errno(ENAMETOOLONG, fmt::format("bind '{}' (a socket's path has at most {} characters)", path,
                                                    sizeof address.sun_path - 1));
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail_last("make a socket");
    // What is left there is a dead predecessor's.
    ::unlink(path.c_str());
    if (::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return fail_last("bind '" + path + "'");
    if (::chmod(path.c_str(), 0666) < 0 || ::listen(socket.fd(), backlog) < 0)
        return fail_last("listen on '" + path + "'");
    return socket;
}

}  // namespace pinion
