// SPDX-License-Identifier: Apache-2.0
// The objects of the control interface: their methods and properties, each judged and answered. lib/wire/bus_names.h
// documents them.
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "daemon/bus_caller.h"
#include "daemon/bus_message.h"
#include "daemon/bus_state.h"
#include "daemon/daemon.h"
#include "wire/bus_names.h"

namespace pinion::daemon {

std::string path_of_pool(const std::string& pool) {
    char* path = nullptr;
    if (sd_bus_path_encode(bus::pool_path_prefix, pool.c_str(), &path) < 0) return "";
    std::string result = path;
    ::free(path);
    return result;
}

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
    const auto caller = sender_of(message);
    if (!caller) return {Access::none, "unknown"};
    return {access_of(*caller, ::geteuid(), readers), name_of(caller->uid)};
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

// Answers when the load is done; the message keeps its connection.
Daemon::ReloadDone answer_of_load(sd_bus_message* message) {
    return [call = MessagePtr(sd_bus_message_ref(message))](const ReloadOutcome& outcome) {
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
    };
}

int reload(BusServer::State& state, sd_bus_message* message, const std::string&, sd_bus_error*) {
    state.daemon.reload(answer_of_load(message));
    return 1;
}

int rebalance(BusServer::State& state, sd_bus_message* message, const std::string& who, sd_bus_error*) {
    state.daemon.rebalance(who, answer_of_load(message));
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
    SD_BUS_METHOD_WITH_ARGS("Rebalance", SD_BUS_NO_ARGS, SD_BUS_RESULT("b", changed, "as", messages),
                            (guarded<rebalance, Access::change>), readable),
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

}  // namespace

Result<void> add_objects(sd_bus* bus, BusServer::State& state) {
    const auto step = [](int result, const char* what) -> Result<void> {
        if (result < 0) return fail_errno(result, what);
        return {};
    };
    PINION_CHECK(step(sd_bus_add_object_manager(bus, nullptr, bus::manager_path), "add the object manager"));
    PINION_CHECK(
        step(sd_bus_add_object_vtable(bus, nullptr, bus::manager_path, bus::manager_interface, manager_vtable, &state),
             "add the manager"));
    PINION_CHECK(step(sd_bus_add_fallback_vtable(bus, nullptr, bus::pool_path_prefix, bus::pool_interface, pool_vtable,
                                                 find_pool, &state),
                      "add the pools"));
    PINION_CHECK(step(sd_bus_add_node_enumerator(bus, nullptr, bus::pool_path_prefix, enumerate_pools, &state),
                      "add the list of pools"));
    return {};
}

}  // namespace pinion::daemon
