// SPDX-License-Identifier: Apache-2.0
// Who may do what over the control socket, by the peer's credentials. Pure but for reading them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pinion::daemon {

enum class Access : std::uint8_t { none, read, change };

struct Caller {
    uid_t uid = static_cast<uid_t>(-1);
    std::vector<gid_t> groups;  // the primary one included
};

// Root and the daemon's own user change things; members of `reader_group` read (and submit jobs); nobody else.
[[nodiscard]] Access access_of(const Caller& caller, uid_t own_uid, std::optional<gid_t> reader_group) noexcept;

// The peer of a connected Unix socket (SO_PEERCRED, SO_PEERGROUPS): as it was when it connected.
[[nodiscard]] std::optional<Caller> peer_of(int socket);

// The gid of the group `pinion`; nothing where there is none. Asks NSS: at start only.
[[nodiscard]] std::optional<gid_t> find_reader_group();

// "root", "uid 1000": for records. Never asks NSS.
[[nodiscard]] std::string name_of(uid_t uid);

}  // namespace pinion::daemon
