// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <list>

#include "base/unix_listener.h"
#include "daemon/jobs/job_access.h"
#include "daemon/jobs/job_connection.h"
#include "daemon/jobs/socket_limits.h"
#include "event/io_group.h"

namespace pinion::daemon {
namespace {

using namespace std::chrono_literals;

constexpr int backlog = 128;
constexpr int accepts_a_turn = 16;
constexpr Duration accept_again = 1s;    // when there is no descriptor left
constexpr Duration turn_budget = 500us;  // then exits and timers have their turn

// Tells one that is one too many, as far as the socket takes it at once.
void turn_away(const UniqueFd& socket, const std::string& why) {
    Outbox outbox;
    outbox.add(wire::MessageType::failure, 0,
               wire::Json::object().set("code", to_string(FailureCode::busy)).set("message", why));
    const auto bytes = outbox.bytes();
    static_cast<void>(::send(socket.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

struct Client {
    UniqueFd socket;
    event::IoGroup::Member io;
    event::Source timer;
    std::uint32_t watched = EPOLLIN;
    bool blocked = false;  // the socket took no more
    bool changed = false;  // is among those that are looked at again
    MonotonicTime deadline = no_deadline;
    std::shared_ptr<JobConnection> connection;  // goes first: it may still say that something has changed
};

}  // namespace

struct JobServer::State {
    event::Loop& loop;
    JobQueue& queue;
    JobServerSetting setting;
    std::string path;
    UniqueFd listener;
    event::Source listening;
    event::Source again;  // accepts after a pause
    event::IoGroup sockets;
    event::Source turn;  // runs once after something has changed
    std::deque<Client*> changed;
    std::list<Client> clients;

    [[nodiscard]] Result<void> open();
    void accept_some();
    void adopt(UniqueFd socket, Caller caller);
    [[nodiscard]] Result<void> attach(Client& client);
    [[nodiscard]] bool has_place_for(const Caller& caller) const;
    void look_again(Client& client);
    void settle_changed();
    void on_io(Client& client, std::uint32_t events);
    [[nodiscard]] bool flush(Client& client);
    void settle(Client& client);
    void drop(Client& client);
};

// What all clients share.
Result<void> JobServer::State::open() {
    if (turn.valid()) return {};
    PINION_TRY(group, event::IoGroup::make(loop, event::Priority::output));
    PINION_TRY(deferred, loop.add_deferred(event::Priority::output, [this] { settle_changed(); }));
    deferred.enable(false);
    sockets = std::move(group);
    turn = std::move(deferred);
    return {};
}

void JobServer::State::accept_some() {
    for (int i = 0; i < accepts_a_turn; ++i) {
        UniqueFd socket(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (!socket) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) return;
            // Without a descriptor the client waits in the backlog, and would wake us for ever.
            listening.enable(false);
            return again.arm(loop.now() + accept_again);
        }
        auto peer = setting.peer(socket.fd());
        if (peer) adopt(std::move(socket), std::move(*peer));
    }
}

bool JobServer::State::has_place_for(const Caller& caller) const {
    if (may_steer(caller, setting.own_uid))
        return clients.size() < socket_limits::max_connections + socket_limits::kept_connections;
    if (clients.size() >= socket_limits::max_connections) return false;
    std::size_t same = 0;
    for (const Client& client : clients) same += client.connection->caller().uid == caller.uid ? 1 : 0;
    return same < socket_limits::max_connections_of_user;
}

void JobServer::State::adopt(UniqueFd socket, Caller caller) {
    if (!has_place_for(caller))
        return turn_away(socket, "too many clients are connected; no more than " +
                                     std::to_string(socket_limits::max_connections) + " may be, and " +
                                     std::to_string(socket_limits::max_connections_of_user) + " of one user");
    Client& client = clients.emplace_back();
    client.socket = std::move(socket);
    client.connection =
        std::make_shared<JobConnection>(queue, ConnectionSetting{.caller = std::move(caller),
                                                                 .own_uid = setting.own_uid,
                                                                 .changed = [this, &client] { look_again(client); },
                                                                 .now = [this] { return loop.now(); }});
    if (!attach(client)) return clients.pop_back();
    settle(client);
}

Result<void> JobServer::State::attach(Client& client) {
    PINION_CHECK(open());
    PINION_TRY(timer, loop.add_timer(event::Priority::output, [this, &client] {
        client.deadline = no_deadline;
        client.connection->tick(loop.now());
        settle(client);
    }));
    client.timer = std::move(timer);
    PINION_TRY(
        io, sockets.add(client.socket.fd(), EPOLLIN, [this, &client](std::uint32_t events) { on_io(client, events); }));
    client.io = std::move(io);
    return {};
}

// Once, however often it is said, in a turn of its own.
void JobServer::State::look_again(Client& client) {
    if (std::exchange(client.changed, true)) return;
    changed.push_back(&client);
    turn.enable(true);
}

void JobServer::State::settle_changed() {
    const auto until = MonotonicClock::now() + turn_budget;
    while (!changed.empty()) {
        Client& client = *changed.front();
        changed.pop_front();
        client.changed = false;
        settle(client);
        if (MonotonicClock::now() >= until) break;
    }
    if (!changed.empty()) turn.enable(true);
}

void JobServer::State::on_io(Client& client, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) client.blocked = false;
    if ((events & EPOLLIN) != 0 && client.connection->wants_input()) {
        std::array<char, socket_limits::read_bytes> bytes;
        const ssize_t count = ::recv(client.socket.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return drop(client);
        if (count > 0) client.connection->feed({bytes.data(), static_cast<std::size_t>(count)});
    } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        return drop(client);
    }
    settle(client);
}

// False where the client has gone.
bool JobServer::State::flush(Client& client) {
    while (!client.blocked) {
        const auto bytes = client.connection->outbox().bytes();
        if (bytes.empty()) return true;
        const ssize_t count = ::send(client.socket.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno != EAGAIN) return false;
        if (count < 0) client.blocked = true;
        if (count > 0) client.connection->outbox().taken(static_cast<std::size_t>(count));
    }
    return true;
}

// Brings the sources in line with the connection; the client may be gone afterwards.
void JobServer::State::settle(Client& client) {
    JobConnection& connection = *client.connection;
    connection.tend();
    const bool was_full = !connection.has_room();
    if (!flush(client)) return drop(client);
    const bool empty = connection.outbox().size() == 0;
    if (connection.closing() && empty) return drop(client);
    if (was_full && connection.has_room()) look_again(client);
    const std::uint32_t wanted =
        (connection.wants_input() ? std::uint32_t{EPOLLIN} : 0U) | (empty ? 0U : std::uint32_t{EPOLLOUT});
    if (wanted != client.watched) client.io.watch(wanted);
    client.watched = wanted;
    const MonotonicTime deadline = connection.deadline().value_or(no_deadline);
    if (deadline != client.deadline) client.timer.arm(deadline);
    client.deadline = deadline;
}

void JobServer::State::drop(Client& client) {
    std::erase(changed, &client);
    client.changed = true;  // what its end changes concerns nobody
    clients.remove_if([&client](const Client& other) { return &other == &client; });
}

JobServer::JobServer(event::Loop& loop, JobQueue& queue, JobServerSetting setting)
    : state_(new State{.loop = loop,
                       .queue = queue,
                       .setting = std::move(setting),
                       .path = {},
                       .listener = {},
                       .listening = {},
                       .again = {},
                       .sockets = {},
                       .turn = {},
                       .changed = {},
                       .clients = {}}) {
    queue.set_on_room([state = state_.get()] {
        for (Client& client : state->clients) state->look_again(client);
    });
}

JobServer::~JobServer() {
    state_->queue.set_on_room({});
    if (!state_->path.empty()) ::unlink(state_->path.c_str());
}

Result<void> JobServer::listen(const std::string& path) {
    PINION_TRY(listener, listen_at(path, backlog));
    PINION_TRY(listening, state_->loop.add_io(listener.fd(), EPOLLIN, event::Priority::output,
                                              [state = state_.get()](std::uint32_t) { state->accept_some(); }));
    PINION_TRY(again, state_->loop.add_timer(event::Priority::commands,
                                             [state = state_.get()] { state->listening.enable(true); }));
    state_->listening = std::move(listening);
    state_->listener = std::move(listener);
    state_->again = std::move(again);
    state_->path = path;
    return {};
}

void JobServer::adopt(UniqueFd socket, Caller caller) { state_->adopt(std::move(socket), std::move(caller)); }

std::size_t JobServer::clients() const noexcept { return state_->clients.size(); }

}  // namespace pinion::daemon
