// SPDX-License-Identifier: Apache-2.0
#include "daemon/bus_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <list>

#include "base/fd.h"
#include "base/text.h"
#include "daemon/access.h"
#include "daemon/bus_message.h"
#include "daemon/daemon.h"
#include "model/limits.h"
#include "wire/bus_names.h"

namespace pinion::daemon {
namespace {

struct BusCloser {
    void operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }
};
using BusPtr = std::unique_ptr<sd_bus, BusCloser>;

struct MessageUnref {
    void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
};
using MessagePtr = std::unique_ptr<sd_bus_message, MessageUnref>;

constexpr const char* stranger_sentence =
    "%s may not talk to piniond: be root, its user, or a member of the group 'pinion'";

// A client that does not read its signals is dropped at this many of them.
constexpr std::uint64_t most_queued = 4096;
constexpr int backlog = 64;

}  // namespace

// A connection: one client of the private socket, or the message bus.
struct Connection {
    BusPtr bus;
    Access access = Access::none;  // of the private socket's peer
    std::string who;
    bool message_bus = false;
    bool gone = false;
};

struct BusServer::State {
    Daemon& daemon;
    event::Loop& loop;
    std::optional<gid_t> readers = find_reader_group();
    UniqueFd listener;
    std::string socket_path;
    event::Source listener_source;
    event::Source reaper;  // drops connections that are gone, outside their own callbacks
    std::list<Connection> connections;
    std::set<std::string> known_pools;

    Result<void> attach(Connection& connection);
    void accept_client();
    void drop_gone();
    void mark_gone(sd_bus* bus);
    Connection* find(sd_bus* bus);
};

namespace {

int set_error(sd_bus_error* error, const Refusal& refusal) {
    const char* name = bus::error_refused;
    if (refusal.kind == Refusal::Kind::not_found) name = bus::error_not_found;
    if (refusal.kind == Refusal::Kind::invalid) name = bus::error_invalid;
    return sd_bus_error_set(error, name, refusal.message.c_str());
}

int reply(sd_bus_message* call, sd_bus_error* error, const Answer<void>& answer) {
    return answer ? sd_bus_reply_method_return(call, "") : set_error(error, answer.error());
}

// Replies with what `fill` appends.
template <class Fill>
int reply_with(sd_bus_message* call, Fill fill) {
    sd_bus_message* raw = nullptr;
    int result = sd_bus_message_new_method_return(call, &raw);
    MessagePtr answer(raw);
    if (result >= 0) result = fill(answer.get());
    return result < 0 ? result : sd_bus_message_send(answer.get());
}

// Who calls over the message bus: asked of the bus at each call, which only people make.
std::pair<Access, std::string> judge(sd_bus_message* message, std::optional<gid_t> readers) {
    sd_bus_creds* creds = nullptr;
    if (sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID | SD_BUS_CREDS_SUPPLEMENTARY_GIDS, &creds) < 0)
        return {Access::none, "unknown"};
    Caller caller;
    sd_bus_creds_get_euid(creds, &caller.uid);
    const gid_t* groups = nullptr;
    if (const int count = sd_bus_creds_get_supplementary_gids(creds, &groups); count > 0)
        caller.groups.assign(groups, groups + count);
    sd_bus_creds_unref(creds);
    return {access_of(caller, ::geteuid(), readers), name_of(caller.uid)};
}

using Method = int (*)(BusServer::State&, sd_bus_message*, const std::string& who, sd_bus_error*);

// Every method passes here: access is judged once, in one place.
template <Method method, Access needed>
int guarded(sd_bus_message* message, void* userdata, sd_bus_error* error) noexcept {
    auto& state = *static_cast<BusServer::State*>(userdata);
    const Connection* connection = state.find(sd_bus_message_get_bus(message));
    if (connection == nullptr) return -ENOTCONN;
    auto [access, who] =
        connection->message_bus ? judge(message, state.readers) : std::pair{connection->access, connection->who};
    if (access < needed)
        return sd_bus_error_setf(
            error, bus::error_access_denied,
            access == Access::none ? stranger_sentence : "%s may look but not change: be root or piniond's user",
            who.c_str());
    return method(state, message, who, error);
}

Answer<Target> read_target(sd_bus_message* message) {
    const char* text = nullptr;
    if (sd_bus_message_read(message, "s", &text) < 0)
        return std::unexpected(Refusal{Refusal::Kind::invalid, "no target"});
    return parse_target(text);
}

template <Answer<void> (Daemon::*verb)(const Target&, const std::string&)>
int operate(BusServer::State& state, sd_bus_message* message, const std::string& who, sd_bus_error* error) {
    const auto target = read_target(message);
    if (!target) return set_error(error, target.error());
    return reply(message, error, (state.daemon.*verb)(*target, who));
}

int scale(BusServer::State& state, sd_bus_message* message, const std::string& who, sd_bus_error* error) {
    const char* pool = nullptr;
    std::uint32_t workers = 0;
    if (const int result = sd_bus_message_read(message, "su", &pool, &workers); result < 0) return result;
    return reply(message, error, state.daemon.scale(pool, workers, who));
}

int kill(BusServer::State& state, sd_bus_message* message, const std::string& who, sd_bus_error* error) {
    const auto target = read_target(message);
    if (!target) return set_error(error, target.error());
    int signal = 0;
    if (const int result = sd_bus_message_read(message, "i", &signal); result < 0) return result;
    const auto signalled = state.daemon.kill_target(*target, signal, who);
    return signalled ? sd_bus_reply_method_return(message, "u", *signalled) : set_error(error, signalled.error());
}

int reload(BusServer::State& state, sd_bus_message* message, const std::string&, sd_bus_error*) {
    // Answered when the load is done; the message keeps its connection.
    state.daemon.reload([call = MessagePtr(sd_bus_message_ref(message))](const ReloadOutcome& outcome) {
        if (!outcome.accepted) {
            sd_bus_reply_method_errorf(call.get(), bus::error_refused, "%s", join(outcome.messages, "\n").c_str());
            return;
        }
        reply_with(call.get(), [&](sd_bus_message* answer) {
            int result = sd_bus_message_append(answer, "b", static_cast<int>(outcome.changed));
            if (result >= 0) result = sd_bus_message_open_container(answer, 'a', "s");
            for (const auto& line : outcome.messages)
                if (result >= 0) result = sd_bus_message_append(answer, "s", line.c_str());
            return result < 0 ? result : sd_bus_message_close_container(answer);
        });
    });
    return 1;
}

int list_pools(BusServer::State& state, sd_bus_message* message, const std::string&, sd_bus_error*) {
    return reply_with(message, [&](sd_bus_message* answer) { return append_all(answer, state.daemon.pool_rows()); });
}

int send_workers(BusServer::State& state, sd_bus_message* message, const std::string& pool, sd_bus_error* error) {
    const auto rows = state.daemon.worker_rows(pool);
    if (!rows) return set_error(error, rows.error());
    return reply_with(message, [&](sd_bus_message* answer) { return append_all(answer, *rows); });
}

int list_workers(BusServer::State& state, sd_bus_message* message, const std::string&, sd_bus_error* error) {
    const char* pool = nullptr;
    if (const int result = sd_bus_message_read(message, "s", &pool); result < 0) return result;
    return send_workers(state, message, pool, error);
}

int explain(BusServer::State& state, sd_bus_message* message, const std::string&, sd_bus_error* error) {
    const auto target = read_target(message);
    if (!target) return set_error(error, target.error());
    const auto explanation = state.daemon.explain(*target);
    if (!explanation) return set_error(error, explanation.error());
    return reply_with(message, [&](sd_bus_message* answer) { return append(answer, *explanation); });
}

int last_lines(BusServer::State& state, sd_bus_message* message, const std::string&, sd_bus_error* error) {
    const auto target = read_target(message);
    if (!target) return set_error(error, target.error());
    const auto rows = state.daemon.last_lines(*target);
    if (!rows) return set_error(error, rows.error());
    return reply_with(message, [&](sd_bus_message* answer) {
        int result = sd_bus_message_open_container(answer, 'a', "(tuus)");
        for (const auto& row : *rows)
            if (result >= 0)
                result = sd_bus_message_append(answer, "(tuus)", to_usec(row.line.at), row.slot,
                                               static_cast<std::uint32_t>(row.line.priority), row.line.text.c_str());
        return result < 0 ? result : sd_bus_message_close_container(answer);
    });
}

int history(BusServer::State& state, sd_bus_message* message, const std::string&, sd_bus_error*) {
    return reply_with(message, [&](sd_bus_message* answer) { return append_all(answer, state.daemon.history()); });
}

int stats(BusServer::State& state, sd_bus_message* message, const std::string&, sd_bus_error*) {
    return reply_with(message, [&](sd_bus_message* answer) { return append(answer, state.daemon.stats()); });
}

// --- Properties

int get_version(sd_bus*, const char*, const char*, const char*, sd_bus_message* answer, void*, sd_bus_error*) noexcept {
    return sd_bus_message_append(answer, "s", PINION_VERSION);
}

int get_config(sd_bus*, const char*, const char*, const char*, sd_bus_message* answer, void* userdata,
               sd_bus_error*) noexcept {
    return sd_bus_message_append(answer, "s",
                                 static_cast<BusServer::State*>(userdata)->daemon.options().config.c_str());
}

// The pool that an object path names.
std::optional<std::string> pool_of_path(const char* path) {
    char* name = nullptr;
    if (sd_bus_path_decode(path, bus::pool_path_prefix, &name) <= 0) return std::nullopt;
    std::string result = name;
    ::free(name);
    return result;
}

std::string path_of_pool(const std::string& pool) {
    char* path = nullptr;
    if (sd_bus_path_encode(bus::pool_path_prefix, pool.c_str(), &path) < 0) return "";
    std::string result = path;
    ::free(path);
    return result;
}

int get_pool_property(sd_bus*, const char* path, const char*, const char* property, sd_bus_message* answer,
                      void* userdata, sd_bus_error*) noexcept {
    const auto name = pool_of_path(path);
    const auto row = name ? static_cast<BusServer::State*>(userdata)->daemon.pool_row(*name) : std::nullopt;
    if (!row) return -ENOENT;
    const std::string_view which = property;
    if (which == "Name") return sd_bus_message_append(answer, "s", row->name.c_str());
    if (which == "State") return sd_bus_message_append(answer, "s", row->state.c_str());
    if (which == "Wanted") return sd_bus_message_append(answer, "u", row->wanted);
    if (which == "Running") return sd_bus_message_append(answer, "u", row->running);
    if (which == "Exits") return sd_bus_message_append(answer, "t", row->exits);
    return sd_bus_message_append(answer, "s", row->note.c_str());
}

int pool_list_workers(BusServer::State& state, sd_bus_message* message, const std::string&, sd_bus_error* error) {
    const auto pool = pool_of_path(sd_bus_message_get_path(message));
    if (!pool) return -ENOENT;
    return send_workers(state, message, *pool, error);
}

int find_pool(sd_bus*, const char* path, const char*, void* userdata, void** found, sd_bus_error*) noexcept {
    const auto name = pool_of_path(path);
    auto& state = *static_cast<BusServer::State*>(userdata);
    if (!name || !state.known_pools.contains(*name)) return 0;
    *found = userdata;
    return 1;
}

int enumerate_pools(sd_bus*, const char*, void* userdata, char*** nodes, sd_bus_error*) noexcept {
    const auto& pools = static_cast<BusServer::State*>(userdata)->known_pools;
    auto** paths = static_cast<char**>(::calloc(pools.size() + 1, sizeof(char*)));
    if (paths == nullptr) return -ENOMEM;
    std::size_t count = 0;
    for (const auto& pool : pools) paths[count++] = ::strdup(path_of_pool(pool).c_str());
    *nodes = paths;  // freed by sd-bus
    return 1;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
constexpr auto readable = SD_BUS_VTABLE_UNPRIVILEGED;  // judged by `guarded`, not by sd-bus
const sd_bus_vtable manager_vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_RESULT("b", changed, "as", messages),
                            (guarded<reload, Access::change>), readable),
    SD_BUS_METHOD_WITH_ARGS("Start", SD_BUS_ARGS("s", target), SD_BUS_NO_RESULT,
                            (guarded<operate<&Daemon::start_target>, Access::change>), readable),
    SD_BUS_METHOD_WITH_ARGS("Stop", SD_BUS_ARGS("s", target), SD_BUS_NO_RESULT,
                            (guarded<operate<&Daemon::stop_target>, Access::change>), readable),
    SD_BUS_METHOD_WITH_ARGS("Restart", SD_BUS_ARGS("s", target), SD_BUS_NO_RESULT,
                            (guarded<operate<&Daemon::restart_target>, Access::change>), readable),
    SD_BUS_METHOD_WITH_ARGS("Scale", SD_BUS_ARGS("s", pool, "u", workers), SD_BUS_NO_RESULT,
                            (guarded<scale, Access::change>), readable),
    SD_BUS_METHOD_WITH_ARGS("Kill", SD_BUS_ARGS("s", target, "i", signal), SD_BUS_RESULT("u", signalled),
                            (guarded<kill, Access::change>), readable),
    SD_BUS_METHOD_WITH_ARGS("ListPools", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", pools),
                            (guarded<list_pools, Access::read>), readable),
    SD_BUS_METHOD_WITH_ARGS("ListWorkers", SD_BUS_ARGS("s", pool), SD_BUS_RESULT("aa{sv}", workers),
                            (guarded<list_workers, Access::read>), readable),
    SD_BUS_METHOD_WITH_ARGS("Explain", SD_BUS_ARGS("s", worker), SD_BUS_RESULT("a{sv}", explanation),
                            (guarded<explain, Access::read>), readable),
    SD_BUS_METHOD_WITH_ARGS("LastLines", SD_BUS_ARGS("s", target), SD_BUS_RESULT("a(tuus)", lines),
                            (guarded<last_lines, Access::read>), readable),
    SD_BUS_METHOD_WITH_ARGS("History", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", events),
                            (guarded<history, Access::read>), readable),
    SD_BUS_METHOD_WITH_ARGS("Stats", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", stats), (guarded<stats, Access::read>),
                            readable),
    SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("ConfigPath", "s", get_config, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_SIGNAL_WITH_ARGS("Event", SD_BUS_ARGS("a{sv}", event), 0),
    SD_BUS_VTABLE_END};

const sd_bus_vtable pool_vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("ListWorkers", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", workers),
                            (guarded<pool_list_workers, Access::read>), readable),
    SD_BUS_PROPERTY("Name", "s", get_pool_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("State", "s", get_pool_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Wanted", "u", get_pool_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Running", "u", get_pool_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Exits", "t", get_pool_property, 0, 0),
    SD_BUS_PROPERTY("Note", "s", get_pool_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END};
#pragma GCC diagnostic pop

int on_disconnected(sd_bus_message* message, void* userdata, sd_bus_error*) noexcept {
    static_cast<BusServer::State*>(userdata)->mark_gone(sd_bus_message_get_bus(message));
    return 0;
}

Result<UniqueFd> listen_on(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail_errno(ENAMETOOLONG, fmt::format("bind '{}' (a socket's path has at most {} characters)", path,
                                                    sizeof address.sun_path - 1));
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail_last("make a socket");
    // The folder is locked: what is left there is a dead predecessor's.
    ::unlink(path.c_str());
    if (::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return fail_last("bind '" + path + "'");
    // Everybody may connect; what they may do is judged by their credentials, so that a stranger gets a reason.
    if (::chmod(path.c_str(), 0666) < 0 || ::listen(socket.fd(), backlog) < 0)
        return fail_last("listen on '" + path + "'");
    return socket;
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

// Answers every call of a stranger, properties and introspection too, before any object is asked.
int refuse_stranger(sd_bus_message* message, void* userdata, sd_bus_error*) noexcept {
    std::uint8_t type = 0;
    if (sd_bus_message_get_type(message, &type) < 0 || type != SD_BUS_MESSAGE_METHOD_CALL) return 0;
    sd_bus_reply_method_errorf(message, bus::error_access_denied, stranger_sentence,
                               static_cast<Connection*>(userdata)->who.c_str());
    return 1;
}

// Puts our objects on a connection and the connection into the loop.
Result<void> BusServer::State::attach(Connection& connection) {
    sd_bus* bus = connection.bus.get();
    const auto step = [](int result, const char* what) -> Result<void> {
        if (result < 0) return fail_errno(result, what);
        return {};
    };
    if (!connection.message_bus && connection.access == Access::none)
        PINION_CHECK(step(sd_bus_add_filter(bus, nullptr, refuse_stranger, &connection), "add the filter"));
    PINION_CHECK(step(sd_bus_add_object_manager(bus, nullptr, bus::manager_path), "add the object manager"));
    PINION_CHECK(
        step(sd_bus_add_object_vtable(bus, nullptr, bus::manager_path, bus::manager_interface, manager_vtable, this),
             "add the manager"));
    PINION_CHECK(step(sd_bus_add_fallback_vtable(bus, nullptr, bus::pool_path_prefix, bus::pool_interface, pool_vtable,
                                                 find_pool, this),
                      "add the pools"));
    PINION_CHECK(step(sd_bus_add_node_enumerator(bus, nullptr, bus::pool_path_prefix, enumerate_pools, this),
                      "add the list of pools"));
    PINION_CHECK(
        step(sd_bus_match_signal_async(bus, nullptr, "org.freedesktop.DBus.Local", nullptr,
                                       "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, nullptr, this),
             "watch the connection"));
    // A connection to the message bus was started when it was opened.
    if (!connection.message_bus) PINION_CHECK(step(sd_bus_start(bus), "start the connection"));
    return step(sd_bus_attach_event(bus, loop.raw(), static_cast<int>(event::Priority::commands)), "join the loop");
}

void BusServer::State::accept_client() {
    UniqueFd socket(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket || connections.size() >= limits::max_clients) return;
    const auto peer = peer_of(socket.fd());
    sd_bus* raw = nullptr;
    if (!peer || sd_bus_new(&raw) < 0) return;
    Connection& connection = connections.emplace_back();
    connection.bus.reset(raw);
    connection.access = access_of(*peer, ::geteuid(), readers);
    connection.who = name_of(peer->uid);
    sd_id128_t id;
    bool ready = sd_id128_randomize(&id) >= 0 && sd_bus_set_fd(raw, socket.fd(), socket.fd()) >= 0;
    if (ready) static_cast<void>(socket.release());
    ready = ready && sd_bus_set_server(raw, 1, id) >= 0 && sd_bus_set_trusted(raw, 1) >= 0;
    if (!ready || !attach(connection)) connections.pop_back();
}

BusServer::BusServer(Daemon& daemon, event::Loop& loop)
    : state_(new State{.daemon = daemon,
                       .loop = loop,
                       .listener = {},
                       .socket_path = {},
                       .listener_source = {},
                       .reaper = {},
                       .connections = {},
                       .known_pools = {}}) {}

BusServer::~BusServer() {
    // Nothing is flushed: what a client has not read by now would be waited for without a bound.
    if (!state_->socket_path.empty()) ::unlink(state_->socket_path.c_str());
}

Result<void> BusServer::listen(const std::string& runtime_dir) {
    const std::string path = runtime_dir + "/" + bus::control_socket;
    PINION_TRY(listener, listen_on(path));
    state_->listener = std::move(listener);
    state_->socket_path = path;
    PINION_TRY(source, state_->loop.add_io(state_->listener.fd(), EPOLLIN, event::Priority::commands,
                                           [state = state_.get()](std::uint32_t) { state->accept_client(); }));
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
