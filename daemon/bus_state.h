// SPDX-License-Identifier: Apache-2.0
// The inside of BusServer, shared by its two halves: connections (bus_server.cpp) and objects (bus_objects.cpp).
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/fd.h"
#include "daemon/access.h"
#include "daemon/bus_server.h"

namespace pinion::daemon {

struct BusCloser {
    void operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }
};
using BusPtr = std::unique_ptr<sd_bus, BusCloser>;

struct MessageUnref {
    void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
};
using MessagePtr = std::unique_ptr<sd_bus_message, MessageUnref>;

inline constexpr const char* stranger_sentence =
    "%s may not talk to piniond: be root, its user, or a member of the group 'pinion'";

// A connection: one client of the private socket, or the message bus.
struct Connection {
    BusPtr bus;
    Access access = Access::none;  // of the private socket's peer
    std::string who;
    bool message_bus = false;
    bool gone = false;
    std::uint64_t unread_calls = 0;  // since all answers had been read
};

struct BusServer::State {
    Daemon& daemon;
    event::Loop& loop;
    std::optional<gid_t> readers = find_reader_group();
    UniqueFd listener;
    std::string socket_path;
    event::Source listener_source;
    event::Source again;   // accepts after a pause
    event::Source reaper;  // drops connections that are gone, outside their own callbacks
    std::list<Connection> connections;
    std::set<std::string> known_pools;

    Result<void> attach(Connection& connection);
    void accept_client();
    void drop_gone();
    void mark_gone(sd_bus* bus);
    bool drop_deaf(Connection& connection);
    [[nodiscard]] bool has_place_for(Access access) const;
    Connection* find(sd_bus* bus);
};

// Puts the manager, the pools and their list on a connection; the first failure as a sentence.
[[nodiscard]] Result<void> add_objects(sd_bus* bus, BusServer::State& state);

// "/org/pinion/Pinion1/pool/web".
[[nodiscard]] std::string path_of_pool(const std::string& pool);

}  // namespace pinion::daemon
