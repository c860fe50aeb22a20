// SPDX-License-Identifier: Apache-2.0
#include "fake_daemon.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/check.h"
#include "base/fd.h"
#include "wire/bus_names.h"

namespace pinion::ctl::test {

namespace {

void append_pool(sd_bus_message* m, const FakePool& pool) {
    sd_bus_message_append(m, "a{sv}", 10, "name", "s", pool.name.c_str(), "kind", "s", "service", "state", "s",
                          pool.state.c_str(), "since", "t", std::uint64_t{1'000'000}, "wanted", "u", pool.wanted, "up",
                          "u", pool.up, "exits", "t", std::uint64_t{2}, "note", "s", pool.note.c_str(), "cores_used",
                          "d", 0.5, "stopped_by_operator", "b", pool.stopped_by_operator ? 1 : 0);
}

void append_worker(sd_bus_message* m, const FakeWorker& worker) {
    sd_bus_message_append(m, "a{sv}", 8, "pool", "s", worker.pool.c_str(), "slot", "u", worker.slot, "state", "s",
                          worker.state.c_str(), "pid", "u", worker.pid, "generation", "t", worker.generation, "cpus",
                          "s", "0,8", "since", "t", std::uint64_t{1'000'000}, "note", "s", worker.note.c_str());
}

void append_event(sd_bus_message* m, const FakeEvent& event) {
    sd_bus_message_append(m, "a{sv}", 5, "event", "s", event.event.c_str(), "at", "t", event.at, "pool", "s",
                          event.pool.c_str(), "priority", "y", 6, "message", "s", event.message.c_str());
}

struct Reply {
    explicit Reply(sd_bus_message* call) { sd_bus_message_new_method_return(call, &message); }
    ~Reply() { sd_bus_message_unref(message); }
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;
    int send() { return sd_bus_send(nullptr, message, nullptr); }
    sd_bus_message* message = nullptr;
};

template <class Item, class Append>
int reply_list(sd_bus_message* call, const std::vector<Item>& items, Append append) {
    Reply reply(call);
    sd_bus_message_open_container(reply.message, 'a', "a{sv}");
    for (const Item& item : items) append(reply.message, item);
    sd_bus_message_close_container(reply.message);
    return reply.send();
}

}  // namespace

struct FakeDaemon::State {
    mutable std::mutex mutex;
    FakeWorld world;
    std::deque<std::function<void(FakeWorld&)>> steps;
    bool ordered = false;
    std::string hang_up;
    bool hanging_up = false;
    std::vector<std::string> calls;
    std::string folder;
    UniqueFd listener;
    UniqueFd stop;
    std::thread thread;

    // The next step of the world, told by an event where a client may be waiting for one.
    void advance(sd_bus* bus) {
        if (!ordered || steps.empty()) return;
        steps.front()(world);
        steps.pop_front();
        if (!steps.empty()) emit(bus, {.event = "step", .at = 1, .pool = "web", .message = "a step"});
    }
    static void emit(sd_bus* bus, const FakeEvent& event) {
        sd_bus_message* signal = nullptr;
        sd_bus_message_new_signal(bus, &signal, bus::manager_path, bus::manager_interface, "Event");
        append_event(signal, event);
        sd_bus_send(bus, signal, nullptr);
        sd_bus_message_unref(signal);
    }
    int order(sd_bus_message* call, const std::string& text) {
        calls.push_back(text);
        if (!world.error_name.empty())
            return sd_bus_reply_method_errorf(call, world.error_name.c_str(), "%s", world.error_text.c_str());
        ordered = true;
        if (text.starts_with("Kill")) return sd_bus_reply_method_return(call, "u", world.workers.size());
        if (text != "Reload") return sd_bus_reply_method_return(call, "");
        Reply reply(call);
        sd_bus_message_append(reply.message, "b", world.changed ? 1 : 0);
        sd_bus_message_open_container(reply.message, 'a', "s");
        for (const std::string& line : world.reload_messages) sd_bus_message_append(reply.message, "s", line.c_str());
        sd_bus_message_close_container(reply.message);
        return reply.send();
    }
    int answer(sd_bus_message* call) {
        const std::string member = sd_bus_message_get_member(call);
        if (member == hang_up) {
            hanging_up = true;
            return 0;
        }
        const char* name = "";
        if (sd_bus_message_has_signature(call, "s")) sd_bus_message_read(call, "s", &name);
        if (member == "ListPools") {
            advance(sd_bus_message_get_bus(call));
            return reply_list(call, world.pools, append_pool);
        }
        if (member == "ListWorkers") {
            std::vector<FakeWorker> chosen;
            for (const FakeWorker& w : world.workers)
                if (*name == '\0' || w.pool == name) chosen.push_back(w);
            return reply_list(call, chosen, append_worker);
        }
        if (member == "History") return reply_list(call, world.history, append_event);
        if (member == "LastLines") return last_lines(call);
        if (member == "Stats") {
            Reply reply(call);
            if (world.cpus_allowed.empty())
                sd_bus_message_append(reply.message, "a{sv}", 1, "config", "s", world.config.c_str());
            else
                sd_bus_message_append(reply.message, "a{sv}", 3, "config", "s", world.config.c_str(), "cpus_allowed",
                                      "s", world.cpus_allowed.c_str(), "cpus_reserved", "s",
                                      world.cpus_reserved.c_str());
            return reply.send();
        }
        if (member == "Explain") return explain(call);
        return other(call, member, name);
    }
    int other(sd_bus_message* call, const std::string& member, const char* name) {
        if (member == "Start" || member == "Stop" || member == "Restart") return order(call, member + " " + name);
        if (member == "Reload") return order(call, member);
        const char* target = nullptr;
        std::uint32_t workers = 0;
        if (member == "Scale" && sd_bus_message_read(call, "su", &target, &workers) > 0)
            return order(call, member + " " + target + " " + std::to_string(workers));
        std::int32_t signal = 0;
        if (member == "Kill" && sd_bus_message_read(call, "si", &target, &signal) > 0)
            return order(call, member + " " + target + " " + std::to_string(signal));
        return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_UNKNOWN_METHOD, "no method '%s'", member.c_str());
    }
    int last_lines(sd_bus_message* call) {
        Reply reply(call);
        sd_bus_message_open_container(reply.message, 'a', "(tuus)");
        for (const FakeLine& line : world.lines)
            sd_bus_message_append(reply.message, "(tuus)", line.at, line.slot, line.priority, line.text.c_str());
        sd_bus_message_close_container(reply.message);
        return reply.send();
    }
    int explain(sd_bus_message* call) {
        if (!world.error_name.empty())
            return sd_bus_reply_method_errorf(call, world.error_name.c_str(), "%s", world.error_text.c_str());
        Reply reply(call);
        sd_bus_message_append(reply.message, "a{sv}", 6, "pool", "s", "web", "slot", "u", 3, "state", "s", "backoff",
                              "curve", "at", 3, std::uint64_t{0}, std::uint64_t{100'000}, std::uint64_t{200'000},
                              "policy", "s", "always", "deaths", "aa{sv}", 1, 3, "generation", "t", std::uint64_t{7},
                              "what", "s", "exit 1", "last_lines", "as", 2, "one", "two");
        return reply.send();
    }

    static int on_message(sd_bus_message* message, void* userdata, sd_bus_error*) {
        std::uint8_t type = 0;
        sd_bus_message_get_type(message, &type);
        if (type != SD_BUS_MESSAGE_METHOD_CALL) return 0;
        auto* self = static_cast<State*>(userdata);
        const std::lock_guard lock(self->mutex);
        self->answer(message);
        return 1;
    }
    bool stopping() const {
        pollfd stop_only{stop.fd(), POLLIN, 0};
        return ::poll(&stop_only, 1, 0) > 0;
    }
    void serve(int fd) {
        sd_bus* bus = nullptr;
        sd_id128_t id{};
        sd_id128_randomize(&id);
        sd_bus_new(&bus);
        sd_bus_set_fd(bus, fd, fd);
        sd_bus_set_server(bus, 1, id);
        sd_bus_start(bus);
        sd_bus_add_filter(bus, nullptr, on_message, this);
        hanging_up = false;
        while (!hanging_up && !stopping()) {
            const int r = sd_bus_process(bus, nullptr);
            if (r < 0) break;
            if (r > 0) continue;
            std::uint64_t until = 0;
            if (sd_bus_get_timeout(bus, &until) < 0) until = UINT64_MAX;
            pollfd waits[2] = {{fd, static_cast<short>(sd_bus_get_events(bus)), 0}, {stop.fd(), POLLIN, 0}};
            ::poll(waits, 2, until == UINT64_MAX ? -1 : 100);
        }
        if (hanging_up)
            sd_bus_close(bus);
        else
            sd_bus_flush(bus);
        sd_bus_close_unref(bus);
    }
    void run() {
        for (;;) {
            pollfd waits[2] = {{listener.fd(), POLLIN, 0}, {stop.fd(), POLLIN, 0}};
            if (::poll(waits, 2, -1) < 0 && errno != EINTR) return;
            if ((waits[1].revents & POLLIN) != 0) return;
            const int fd = ::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd >= 0) serve(fd);
        }
    }
};

FakeDaemon::FakeDaemon(FakeWorld world) : state_(std::make_unique<State>()) {
    state_->world = std::move(world);
    std::string folder = (std::filesystem::temp_directory_path() / "pinion-ctl-XXXXXX").string();
    ASSERT(::mkdtemp(folder.data()) != nullptr);
    state_->folder = folder;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder + "/" + bus::control_socket;
    ASSERT(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    state_->listener = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT(::bind(state_->listener.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ASSERT(::listen(state_->listener.fd(), 8) == 0);
    state_->stop = UniqueFd(::eventfd(0, EFD_CLOEXEC));
    state_->thread = std::thread([state = state_.get()] { state->run(); });
}

FakeDaemon::~FakeDaemon() {
    const std::uint64_t one = 1;
    ASSERT(::write(state_->stop.fd(), &one, sizeof one) == sizeof one);
    state_->thread.join();
    std::filesystem::remove_all(state_->folder);
}

void FakeDaemon::then(std::vector<std::function<void(FakeWorld&)>> steps) {
    const std::lock_guard lock(state_->mutex);
    state_->steps.assign(steps.begin(), steps.end());
}

void FakeDaemon::hang_up_at(const std::string& member) {
    const std::lock_guard lock(state_->mutex);
    state_->hang_up = member;
}

const std::string& FakeDaemon::runtime_dir() const { return state_->folder; }

std::vector<std::string> FakeDaemon::calls() const {
    const std::lock_guard lock(state_->mutex);
    return state_->calls;
}

}  // namespace pinion::ctl::test
