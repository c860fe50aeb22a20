// SPDX-License-Identifier: Apache-2.0
#include "ctl/client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include "base/unix_connect.h"
#include "ctl/bus_value.h"
#include "wire/bus_names.h"

namespace pinion::ctl {

namespace {

using wire::Json;

// A reload reads and checks files, perhaps from a slow disk; everything else answers at once.
constexpr std::uint64_t call_timeout_usec = 25'000'000;
constexpr std::uint64_t reload_timeout_usec = 120'000'000;
constexpr Duration last_look = std::chrono::seconds(1);

struct BusCloser {
    // Every call was answered or given up: nothing is left to be flushed, for which a silent peer would be waited for.
    void operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }
};
using BusPtr = std::unique_ptr<sd_bus, BusCloser>;

struct MessageUnref {
    void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
};
using MessagePtr = std::unique_ptr<sd_bus_message, MessageUnref>;

struct BusError {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    BusError() = default;
    BusError(const BusError&) = delete;
    BusError& operator=(const BusError&) = delete;
    ~BusError() { sd_bus_error_free(&error); }
};

std::unexpected<Failure> lost(int code) {
    const int number = code < 0 ? -code : code;
    if (number == EACCES || number == EPERM)
        return refuse(Exit::denied,
                      "piniond refused the connection: only root, its own user and the group 'pinion' "
                      "may talk to it; try sudo");
    if (number == ETIMEDOUT) return refuse(Exit::unreachable, "piniond does not answer; see 'systemctl status pinion'");
    return refuse(Exit::unreachable,
                  "piniond closed the connection: " + errno_text(number) + "; see 'systemctl status pinion'");
}

// What a failed call means: the daemon's own words where it answered, else that it can't be reached.
std::unexpected<Failure> call_failure(int r, const sd_bus_error& error) {
    const std::string name = error.name == nullptr ? "" : error.name;
    const std::string message = error.message == nullptr ? name : error.message;
    if (name == bus::error_not_found) return refuse(Exit::not_found, message);
    if (name == bus::error_access_denied || name == SD_BUS_ERROR_ACCESS_DENIED) return refuse(Exit::denied, message);
    if (name == bus::error_invalid || name == SD_BUS_ERROR_INVALID_ARGS) return refuse(Exit::usage, message);
    if (name == SD_BUS_ERROR_UNKNOWN_METHOD || name == SD_BUS_ERROR_UNKNOWN_OBJECT ||
        name == SD_BUS_ERROR_UNKNOWN_INTERFACE)
        return refuse(Exit::failed, "piniond does not know this request, it may be of another version: " + message);
    const bool from_peer = name.starts_with("org.pinion.");
    return from_peer ? refuse(Exit::failed, message) : lost(r);
}

Answer<UniqueFd> connect_socket(const std::string& folder, Duration patience) {
    const std::string path = folder + "/" + bus::control_socket;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    UniqueFd socket_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket_fd) return refuse(Exit::failed, "make a socket: " + errno_text(errno));
    std::string reachable = path;
    UniqueFd folder_fd;
    if (reachable.size() >= sizeof address.sun_path) {
        // A socket's name is short by law; through a descriptor of its folder any depth can be reached.
        folder_fd = UniqueFd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        reachable = "/proc/self/fd/" + std::to_string(folder_fd.fd()) + "/" + bus::control_socket;
    }
    std::memcpy(address.sun_path, reachable.c_str(), reachable.size() + 1);
    const int error = connect_within(socket_fd.fd(), address, patience);
    if (error == 0) return socket_fd;
    if (error == ETIMEDOUT) return lost(error);
    const std::string what = "connect to piniond at '" + path + "': " + errno_text(error);
    if (error == EACCES || error == EPERM)
        return refuse(Exit::denied, what + "; try sudo, or as a member of the group 'pinion'");
    return refuse(Exit::unreachable,
                  what + "; is it running? Start it ('systemctl start pinion'), or name its folder with --runtime-dir");
}

Answer<Json> read_reply(const MessagePtr& reply) {
    auto value = read_bus_value(reply.get());
    if (!value) return refuse(Exit::failed, value.error().message);
    return std::move(*value);
}

Answer<ReloadOutcome> read_outcome(const MessagePtr& reply) {
    ReloadOutcome outcome;
    PINION_TRY(changed, read_reply(reply));
    PINION_TRY(messages, read_reply(reply));
    outcome.changed = changed.as_bool().value_or(false);
    for (const Json& message : messages.items())
        if (const std::string* text = message.as_string()) outcome.messages.push_back(*text);
    return outcome;
}

template <class Row>
Answer<std::vector<Row>> read_rows(const MessagePtr& reply, Row (*convert)(const Json&)) {
    PINION_TRY(list, read_reply(reply));
    std::vector<Row> rows;
    for (const Json& item : list.items()) rows.push_back(convert(item));
    return rows;
}

}  // namespace

const char* to_string(Verb verb) noexcept {
    switch (verb) {
        case Verb::start: return "start";
        case Verb::stop: return "stop";
        case Verb::restart: return "restart";
    }
    return "";
}

struct Client::State {
    BusPtr bus;
    std::deque<EventRow> events;
    MonotonicTime deadline = no_deadline;

    // Until whoever accepted the connection speaks. A call by itself would wait for that beyond its timeout.
    Answer<void> be_ready(MonotonicTime until) {
        for (;;) {
            int r = sd_bus_is_ready(bus.get());
            if (r < 0) return lost(r);
            if (r > 0) return {};
            if (r = sd_bus_process(bus.get(), nullptr); r < 0) return lost(r);
            if (r > 0) continue;
            const MonotonicTime now = MonotonicClock::now();
            if (now >= until) return lost(ETIMEDOUT);
            r = sd_bus_wait(bus.get(), static_cast<std::uint64_t>((until - now).count()));
            if (r < 0 && r != -EINTR) return lost(r);
        }
    }

    static int on_event(sd_bus_message* message, void* userdata, sd_bus_error*) noexcept {
        auto value = read_bus_value(message);
        if (value) static_cast<State*>(userdata)->events.push_back(to_event_row(*value));
        return 0;
    }

    // Calls a method of the manager with arguments as sd_bus_message_append takes them.
    template <class... Arguments>
    Answer<MessagePtr> call(const char* member, std::uint64_t timeout, const char* types, Arguments... arguments) {
        const MonotonicTime until =
            std::min(add_saturating(MonotonicClock::now(), Duration(static_cast<Duration::rep>(timeout))), deadline);
        PINION_CHECK(be_ready(until));
        sd_bus_message* raw = nullptr;
        int r =
            sd_bus_message_new_method_call(bus.get(), &raw, nullptr, bus::manager_path, bus::manager_interface, member);
        const MessagePtr request(raw);
        if (r < 0) return lost(r);
        if (r = sd_bus_message_append(request.get(), types, arguments...); r < 0)
            return refuse(Exit::usage, std::string("ask piniond to ") + member + ": " + errno_text(r));
        BusError error;
        sd_bus_message* reply = nullptr;
        const Duration left = std::max(until - MonotonicClock::now(), Duration(1));  // 0 would be the library's own
        r = sd_bus_call(bus.get(), request.get(), static_cast<std::uint64_t>(left.count()), &error.error, &reply);
        if (r < 0) return call_failure(r, error.error);
        return MessagePtr(reply);
    }
};

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Answer<Client> Client::connect(const std::string& runtime_dir, std::optional<Duration> timeout) {
    constexpr Duration longest(static_cast<Duration::rep>(call_timeout_usec));
    PINION_TRY(socket_fd, connect_socket(runtime_dir, std::min(timeout.value_or(longest), longest)));
    return over(std::move(socket_fd));
}

Answer<Client> Client::over(UniqueFd socket_fd) {
    auto state = std::make_unique<State>();
    sd_bus* raw = nullptr;
    int r = sd_bus_new(&raw);
    if (r < 0) return lost(r);
    state->bus.reset(raw);
    if (r = sd_bus_set_fd(raw, socket_fd.fd(), socket_fd.fd()); r < 0) return lost(r);
    // From here the bus owns the descriptor, whatever happens.
    static_cast<void>(socket_fd.release());
    if (r = sd_bus_start(raw); r < 0) return lost(r);
    return Client(std::move(state));
}

Answer<ReloadOutcome> Client::reload() {
    PINION_TRY(reply, state_->call("Reload", reload_timeout_usec, ""));
    return read_outcome(reply);
}

Answer<ReloadOutcome> Client::rebalance() {
    PINION_TRY(reply, state_->call("Rebalance", reload_timeout_usec, ""));
    return read_outcome(reply);
}

Answer<void> Client::act(Verb verb, const std::string& target) {
    const char* member = verb == Verb::start ? "Start" : verb == Verb::stop ? "Stop" : "Restart";
    PINION_TRY(reply, state_->call(member, call_timeout_usec, "s", target.c_str()));
    return {};
}

Answer<void> Client::scale(const std::string& pool, std::uint32_t workers) {
    PINION_TRY(reply, state_->call("Scale", call_timeout_usec, "su", pool.c_str(), workers));
    return {};
}

Answer<std::uint32_t> Client::kill(const std::string& target, int signal) {
    PINION_TRY(reply, state_->call("Kill", call_timeout_usec, "si", target.c_str(), signal));
    PINION_TRY(signalled, read_reply(reply));
    return static_cast<std::uint32_t>(signalled.as_uint().value_or(0));
}

Answer<std::vector<PoolRow>> Client::pools() {
    PINION_TRY(reply, state_->call("ListPools", call_timeout_usec, ""));
    PINION_TRY(rows, read_rows(reply, to_pool_row));
    sort_by_name(rows);
    return rows;
}

Answer<std::vector<WorkerRow>> Client::workers(const std::string& pool) {
    PINION_TRY(reply, state_->call("ListWorkers", call_timeout_usec, "s", pool.c_str()));
    PINION_TRY(rows, read_rows(reply, to_worker_row));
    sort_by_name(rows);
    return rows;
}

Answer<std::vector<LogLine>> Client::last_lines(const std::string& target) {
    PINION_TRY(reply, state_->call("LastLines", call_timeout_usec, "s", target.c_str()));
    PINION_TRY(list, read_reply(reply));
    std::vector<LogLine> lines;
    for (const Json& item : list.items()) {
        const auto& parts = item.items();
        if (parts.size() < 4) continue;
        const std::string* text = parts[3].as_string();
        lines.push_back({.at = Duration(parts[0].as_int().value_or(0)),
                         .slot = parts[1].as_uint().value_or(0),
                         .priority = parts[2].as_uint().value_or(6),
                         .text = text == nullptr ? std::string() : *text});
    }
    return lines;
}

Answer<std::vector<EventRow>> Client::history() {
    PINION_TRY(reply, state_->call("History", call_timeout_usec, ""));
    return read_rows(reply, to_event_row);
}

Answer<Json> Client::explain(const std::string& worker) {
    PINION_TRY(reply, state_->call("Explain", call_timeout_usec, "s", worker.c_str()));
    return read_reply(reply);
}

Answer<Json> Client::stats() {
    PINION_TRY(reply, state_->call("Stats", call_timeout_usec, ""));
    return read_reply(reply);
}

void Client::answer_within(std::optional<Duration> timeout) {
    state_->deadline =
        timeout ? add_saturating(MonotonicClock::now(), std::max(*timeout, Duration(0)) + last_look) : no_deadline;
}

Answer<void> Client::subscribe() {
    // Without a bus between us there is nobody to tell of the match: every signal comes anyway.
    const int r = sd_bus_match_signal(state_->bus.get(), nullptr, nullptr, bus::manager_path, bus::manager_interface,
                                      "Event", &State::on_event, state_.get());
    if (r < 0) return lost(r);
    return {};
}

Answer<std::optional<EventRow>> Client::next_event(std::optional<Duration> timeout) {
    const MonotonicTime deadline =
        timeout ? add_saturating(MonotonicClock::now(), std::max(*timeout, Duration::zero())) : no_deadline;
    for (;;) {
        if (!state_->events.empty()) {
            EventRow event = std::move(state_->events.front());
            state_->events.pop_front();
            return event;
        }
        int r = sd_bus_process(state_->bus.get(), nullptr);
        if (r < 0) return lost(r);
        if (r > 0) continue;
        const MonotonicTime now = MonotonicClock::now();
        if (now >= deadline) return std::nullopt;
        const std::uint64_t left =
            deadline == no_deadline ? UINT64_MAX : static_cast<std::uint64_t>((deadline - now).count());
        r = sd_bus_wait(state_->bus.get(), left);
        if (r == -EINTR) return std::nullopt;
        if (r < 0) return lost(r);
    }
}

}  // namespace pinion::ctl
