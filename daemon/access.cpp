// SPDX-License-Identifier: Apache-2.0
#include "daemon/access.h"

#include <grp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace pinion::daemon {

Access access_of(const Caller& caller, uid_t own_uid, std::optional<gid_t> reader_group) noexcept {
    if (caller.uid == 0 || caller.uid == own_uid) return Access::change;
    if (reader_group && std::ranges::find(caller.groups, *reader_group) != caller.groups.end()) return Access::read;
    return Access::none;
}

std::optional<Caller> peer_of(int socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) return std::nullopt;
    Caller caller{credentials.uid, std::vector<gid_t>(64)};
    for (;;) {
        auto bytes = static_cast<socklen_t>(caller.groups.size() * sizeof(gid_t));
        const int result = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, caller.groups.data(), &bytes);
        // ERANGE reports the size that it needs.
        if (result < 0 && errno != ERANGE) bytes = 0;
        caller.groups.resize(bytes / sizeof(gid_t));
        if (result == 0 || bytes == 0) break;
    }
    caller.groups.push_back(credentials.gid);
    return caller;
}

std::optional<gid_t> find_reader_group() {
    const group* found = ::getgrnam("pinion");
    return found != nullptr ? std::optional(found->gr_gid) : std::nullopt;
}

std::string name_of(uid_t uid) { return uid == 0 ? "root" : "uid " + std::to_string(uid); }

}  // namespace pinion::daemon
