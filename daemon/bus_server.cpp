// SPDX-License-Identifier: Apache-2.0
#include "daemon/bus_server.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/unix_listener.h"
#include "daemon/bus_message.h"
#include "daemon/bus_state.h"
#include "daemon/daemon.h"
#include "model/limits.h"
#include "wire/bus_names.h"

namespace pinion::daemon {
namespace {

using namespace std::chrono_literals;

// A client that does not read its signals is dropped at this many of them.
constexpr std::uint64_t most_queued = 4096;
// One that calls on and on and does not read the answers, at so many of both. Who reads is never near it.
constexpr std::uint64_t most_unread = 64;
constexpr std::ptrdiff_t most_strangers = 16;  // at once; each but hears why it may not
constexpr int stranger_bytes = 64 << 10;       // of its unread answers, in the kernel
constexpr std::size_t kept_places = 8;         // beyond limits::max_clients, for those who may change things
constexpr int backlog = 64;
constexpr Duration accept_again = 1s;  // when there is no descriptor left

int on_disconnected(sd_bus_message* message, void* userdata, sd_bus_error*) noexcept {
    static_cast<BusServer::State*>(userdata)->mark_gone(sd_bus_message_get_bus(message));
    return 0;
}

}  // namespace

// --- Connections

Connection* BusServer::State::find(sd_bus* bus) {
    for (auto& connection : connections)
        if (connection.bus.get() == bus) return &connection;
    return nullptr;
}

void BusServer::State::mark_gone(sd_bus* bus) {
    Connection* connection = find(bus);
    if (connection == nullptr) return;
    connection->gone = true;
    auto source = loop.add_deferred(event::Priority::commands, [this] { drop_gone(); });
    if (source) reaper = std::move(*source);
}

void BusServer::State::drop_gone() {
    connections.remove_if([](const Connection& connection) { return connection.gone; });
}

// Whether it has called often since it last had read everything, and leaves answers unread; it is dropped then. What
// it has not read of signals alone, in a storm, does not count.
bool BusServer::State::drop_deaf(Connection& connection) {
    std::uint64_t queued = 0;
    if (sd_bus_get_n_queued_write(connection.bus.get(), &queued) < 0 || queued == 0) {
        connection.unread_calls = 0;
        return false;
    }
    if (++connection.unread_calls <= most_unread || queued <= most_unread) return false;
    mark_gone(connection.bus.get());
    return true;
}

// Every call over the private socket passes here before any object is asked, those for properties and introspection
// too. Answers those of strangers.
int judge_call(sd_bus_message* message, void* userdata, sd_bus_error*) noexcept {
    std::uint8_t type = 0;
    if (sd_bus_message_get_type(message, &type) < 0 || type != SD_BUS_MESSAGE_METHOD_CALL) return 0;
    auto& state = *static_cast<BusServer::State*>(userdata);
    Connection* connection = state.find(sd_bus_message_get_bus(message));
    if (connection == nullptr || connection->gone || state.drop_deaf(*connection)) return 1;
    if (connection->access != Access::none) return 0;
    sd_bus_reply_method_errorf(message, bus::error_access_denied, stranger_sentence, connection->who.c_str());
    return 1;
}

// Puts our objects on a connection and the connection into the loop.
Result<void> BusServer::State::attach(Connection& connection) {
    sd_bus* bus = connection.bus.get();
    const auto step = [](int result, const char* what) -> Result<void> {
        if (result < 0) return fail_errno(result, what);
        return {};
    };
    if (!connection.message_bus)
        PINION_CHECK(step(sd_bus_add_filter(bus, nullptr, judge_call, this), "add the filter"));
    PINION_CHECK(add_objects(bus, *this));
    PINION_CHECK(
        step(sd_bus_match_signal_async(bus, nullptr, "org.freedesktop.DBus.Local", nullptr,
                                       "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, nullptr, this),
             "watch the connection"));
    // A connection to the message bus was started when it was opened.
    if (!connection.message_bus) PINION_CHECK(step(sd_bus_start(bus), "start the connection"));
    // Operators are heard in any storm; they could end everything anyway. Others take turns with output.
    const auto priority = connection.access == Access::change ? event::Priority::commands : event::Priority::output;
    return step(sd_bus_attach_event(bus, loop.raw(), static_cast<int>(priority)), "join the loop");
}

bool BusServer::State::has_place_for(Access access) const {
    const auto is_stranger = [](const Connection& other) { return !other.message_bus && other.access == Access::none; };
    if (access == Access::none && std::ranges::count_if(connections, is_stranger) >= most_strangers) return false;
    return connections.size() < limits::max_clients + (access == Access::change ? kept_places : 0);
}

void BusServer::State::accept_client() {
    UniqueFd socket(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNABORTED) return;
        // Without a descriptor the client waits in the backlog, and would wake us for ever.
        listener_source.enable(false);
        return again.arm(loop.now() + accept_again);
    }
    const auto peer = peer_of(socket.fd());
    if (!peer) return;
    const Access access = access_of(*peer, ::geteuid(), readers);
    sd_bus* raw = nullptr;
    if (!has_place_for(access) || sd_bus_new(&raw) < 0) return;
    Connection& connection = connections.emplace_back();
    connection.bus.reset(raw);
    connection.access = access;
    connection.who = name_of(peer->uid);
    sd_id128_t id;
    bool ready = sd_id128_randomize(&id) >= 0 && sd_bus_set_fd(raw, socket.fd(), socket.fd()) >= 0;
    if (ready) static_cast<void>(socket.release());
    ready = ready && sd_bus_set_server(raw, 1, id) >= 0 && sd_bus_set_trusted(raw, 1) >= 0;
    if (!ready || !attach(connection)) return connections.pop_back();
    // sd-bus has the kernel keep megabytes of what a client has not read; of a stranger's refusals a few are enough.
    if (access == Access::none)
        ::setsockopt(sd_bus_get_fd(raw), SOL_SOCKET, SO_SNDBUF, &stranger_bytes, sizeof stranger_bytes);
}

BusServer::BusServer(Daemon& daemon, event::Loop& loop)
    : state_(new State{.daemon = daemon,
                       .loop = loop,
                       .listener = {},
                       .socket_path = {},
                       .listener_source = {},
                       .again = {},
                       .reaper = {},
                       .connections = {},
                       .known_pools = {}}) {}

BusServer::~BusServer() {
    // Nothing is flushed: what a client has not read by now would be waited for without a bound.
    if (!state_->socket_path.empty()) ::unlink(state_->socket_path.c_str());
}

Result<void> BusServer::listen(const std::string& runtime_dir) {
    const std::string path = runtime_dir + "/" + bus::control_socket;
    PINION_TRY(listener, listen_at(path, backlog));
    state_->listener = std::move(listener);
    state_->socket_path = path;
    PINION_TRY(source, state_->loop.add_io(state_->listener.fd(), EPOLLIN, event::Priority::output,
                                           [state = state_.get()](std::uint32_t) { state->accept_client(); }));
    PINION_TRY(again, state_->loop.add_timer(event::Priority::commands,
                                             [state = state_.get()] { state->listener_source.enable(true); }));
    state_->again = std::move(again);
    state_->listener_source = std::move(source);
    return {};
}

Result<void> BusServer::join_message_bus() {
    sd_bus* raw = nullptr;
    const int opened = ::geteuid() == 0 ? sd_bus_open_system(&raw) : sd_bus_open_user(&raw);
    if (opened < 0) return fail_errno(opened, "connect to the message bus");
    Connection& connection = state_->connections.emplace_back();
    connection.bus.reset(raw);
    connection.message_bus = true;
    if (auto attached = state_->attach(connection); !attached) {
        state_->connections.pop_back();
        return attached;
    }
    if (const int result = sd_bus_request_name_async(raw, nullptr, bus::service, 0, nullptr, nullptr); result < 0)
        return fail_errno(result, "ask for the name 'org.pinion.Pinion1'");
    return {};
}

// --- Signals

void BusServer::emit_event(const EventRow& event) {
    for (auto& connection : state_->connections) {
        // Not on the message bus: a crash storm would be everybody's. There, properties change once a second.
        if (connection.message_bus || connection.gone || connection.access == Access::none) continue;
        sd_bus* bus = connection.bus.get();
        std::uint64_t queued = 0;
        if (sd_bus_get_n_queued_write(bus, &queued) >= 0 && queued > most_queued) {
            state_->mark_gone(bus);
            continue;
        }
        sd_bus_message* raw = nullptr;
        if (sd_bus_message_new_signal(bus, &raw, bus::manager_path, bus::manager_interface, "Event") < 0) continue;
        const MessagePtr message(raw);
        if (append(raw, event) >= 0) sd_bus_send(bus, raw, nullptr);
    }
}

void BusServer::emit_pools_changed(const std::set<std::string>& pools) {
    for (const auto& pool : pools) {
        const bool exists = state_->daemon.pool_row(pool).has_value();
        const bool known = state_->known_pools.contains(pool);
        if (exists) state_->known_pools.insert(pool);
        const auto path = path_of_pool(pool);
        for (auto& connection : state_->connections) {
            if (connection.gone || (!connection.message_bus && connection.access == Access::none)) continue;
            sd_bus* bus = connection.bus.get();
            // A signal that can't be sent is lost with its connection; the next look shows the truth.
            if (!exists && known)
                sd_bus_emit_object_removed(bus, path.c_str());
            else if (exists && !known)
                sd_bus_emit_object_added(bus, path.c_str());
            else if (exists)
                sd_bus_emit_properties_changed(bus, path.c_str(), bus::pool_interface, "State", "Wanted", "Running",
                                               "Note", nullptr);
        }
        if (!exists) state_->known_pools.erase(pool);
    }
}

}  // namespace pinion::daemon
