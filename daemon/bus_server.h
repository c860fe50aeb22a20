// SPDX-License-Identifier: Apache-2.0
// The control interface: the same D-Bus objects on the private socket (always) and on the message bus (where there is
// one and we are the default instance). lib/wire/bus_names.h documents every method.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "daemon/views.h"
#include "event/loop.h"

namespace pinion::daemon {

class Daemon;

class BusServer {
public:
    BusServer(Daemon& daemon, event::Loop& loop);
    ~BusServer();
    BusServer(const BusServer&) = delete;
    BusServer& operator=(const BusServer&) = delete;

    // Listens on `runtime_dir`/control.sock.
    [[nodiscard]] Result<void> listen(const std::string& runtime_dir);
    // Connects to the message bus and asks for our name, without waiting for either. The error is survivable.
    [[nodiscard]] Result<void> join_message_bus();

    void emit_event(const EventRow& event);
    // State of these pools changed, or pools came or went.
    void emit_pools_changed(const std::set<std::string>& pools);

    struct State;

private:
    std::unique_ptr<State> state_;
};

}  // namespace pinion::daemon
