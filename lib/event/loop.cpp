// SPDX-License-Identifier: Apache-2.0
// The border to sd-event: each source is a State that sd-event points to, with the callback it runs.
#include "event/loop.h"

#include <systemd/sd-event.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "base/check.h"
#include "event/share.h"

namespace pinion::event {
namespace {

using OnIo = std::move_only_function<void(std::uint32_t)>;
using OnSignal = std::move_only_function<void(pid_t)>;
using OnTurn = std::move_only_function<void()>;
using OnFile = std::move_only_function<void(std::uint32_t, std::string_view)>;

}  // namespace

struct Source::State {
    State(std::variant<OnIo, OnSignal, OnTurn, OnFile> function, int mode)
        : callback(std::move(function)), enabled_mode(mode) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { sd_event_source_disable_unref(source); }

    sd_event_source* source = nullptr;
    std::variant<OnIo, OnSignal, OnTurn, OnFile> callback;
    int enabled_mode;  // SD_EVENT_ON, or SD_EVENT_ONESHOT
    bool running = false;
    std::optional<Share> share;  // of those that keep their priority for a share of the time
    // Set to itself where the owner went while the callback ran: the callback's end is then the State's end.
    std::unique_ptr<State> orphan;
};

namespace {

void set_priority(sd_event_source* source, Priority priority) {
    // Fails where a signal's new priority would need a descriptor and none is left: it keeps the one it has.
    static_cast<void>(sd_event_source_set_priority(source, static_cast<std::int64_t>(priority)));
}

// What sd-event calls. A callback may destroy its own Source; its captures live until it returns.
template <class Callback, class... Arguments>
int run_callback(void* userdata, Arguments... arguments) noexcept {
    auto* state = static_cast<Source::State*>(userdata);
    const auto began = state->share ? MonotonicClock::now() : MonotonicTime();
    state->running = true;
    std::get<Callback>(state->callback)(arguments...);
    state->running = false;
    const auto end = std::move(state->orphan);
    if (state->share && end == nullptr)
        set_priority(state->source,
                     state->share->is_spent(began, MonotonicClock::now()) ? Priority::output : Priority::readiness);
    return 0;
}

int on_io(sd_event_source*, int, std::uint32_t events, void* userdata) noexcept {
    return run_callback<OnIo>(userdata, events);
}

int on_time(sd_event_source*, std::uint64_t, void* userdata) noexcept { return run_callback<OnTurn>(userdata); }

int on_signal(sd_event_source*, const signalfd_siginfo* info, void* userdata) noexcept {
    return run_callback<OnSignal>(userdata, static_cast<pid_t>(info->ssi_pid));
}

int on_deferred(sd_event_source*, void* userdata) noexcept { return run_callback<OnTurn>(userdata); }

int on_file(sd_event_source*, const inotify_event* event, void* userdata) noexcept {
    const std::string_view name = event->len > 0 ? event->name : "";
    return run_callback<OnFile>(userdata, event->mask, name);
}

// Ends every add_…: `code` is what sd_event_add_… returned.
Result<Source> finish(int code, std::unique_ptr<Source::State> state, Priority priority, const std::string& what) {
    if (code >= 0) code = sd_event_source_set_priority(state->source, static_cast<std::int64_t>(priority));
    if (code < 0) return fail_errno(code, what);
    if (priority == Priority::readiness) state->share.emplace();
    return Source(std::move(state));
}

}  // namespace

Source::Source() noexcept = default;
Source::Source(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Source::Source(Source&&) noexcept = default;

Source& Source::operator=(Source&& other) noexcept {
    if (this == &other) return *this;
    // The old source goes at the end, whole, since its callback's captures may reach this very object.
    const Source old(std::move(state_));
    state_ = std::move(other.state_);
    return *this;
}

Source::~Source() {
    if (!state_ || !state_->running) return;
    State* const state = state_.get();
    state->source = sd_event_source_disable_unref(state->source);
    state->orphan = std::move(state_);
}

bool Source::valid() const noexcept { return state_ != nullptr; }

void Source::enable(bool on) {
    if (!state_) return;
    const int code = sd_event_source_set_enabled(state_->source, on ? state_->enabled_mode : SD_EVENT_OFF);
    ASSERT(code >= 0);
}

void Source::arm(MonotonicTime at) {
    if (!state_) return;
    if (at == no_deadline) return enable(false);
    const auto usec = std::max<Duration::rep>(0, at.time_since_epoch().count());
    const int code = sd_event_source_set_time(state_->source, static_cast<std::uint64_t>(usec));
    ASSERT(code >= 0);
    enable(true);
}

void Source::watch(std::uint32_t events) {
    if (!state_) return;
    const int code = sd_event_source_set_io_events(state_->source, events);
    ASSERT(code >= 0);
}

Result<Loop> Loop::make() {
    sd_event* event = nullptr;
    if (const int code = sd_event_default(&event); code < 0) return fail_errno(code, "make an event loop");
    Loop loop(event);
    if (const int code = sd_event_set_watchdog(event, 1); code < 0)
        return fail_errno(code, "serve the service manager's watchdog");
    return loop;
}

Loop::Loop(Loop&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}

Loop& Loop::operator=(Loop&& other) noexcept {
    if (this == &other) return *this;
    sd_event_unref(event_);
    event_ = std::exchange(other.event_, nullptr);
    return *this;
}

Loop::~Loop() { sd_event_unref(event_); }

Result<Source> Loop::add_io(int fd, std::uint32_t events, Priority priority, OnIo callback) {
    auto state = std::make_unique<Source::State>(std::move(callback), SD_EVENT_ON);
    const int code = sd_event_add_io(event_, &state->source, fd, events, on_io, state.get());
    return finish(code, std::move(state), priority, "watch file descriptor " + std::to_string(fd));
}

Result<Source> Loop::add_timer(Priority priority, OnTurn callback) {
    auto state = std::make_unique<Source::State>(std::move(callback), SD_EVENT_ONESHOT);
    int code = sd_event_add_time(event_, &state->source, CLOCK_MONOTONIC, UINT64_MAX, 1, on_time, state.get());
    if (code >= 0) code = sd_event_source_set_enabled(state->source, SD_EVENT_OFF);
    return finish(code, std::move(state), priority, "make a timer");
}

Result<Source> Loop::add_signal(int signal, Priority priority, OnSignal callback) {
    auto state = std::make_unique<Source::State>(std::move(callback), SD_EVENT_ON);
    const int code = sd_event_add_signal(event_, &state->source, signal, on_signal, state.get());
    return finish(code, std::move(state), priority, "watch signal " + std::to_string(signal));
}

Result<Source> Loop::add_deferred(Priority priority, OnTurn callback) {
    auto state = std::make_unique<Source::State>(std::move(callback), SD_EVENT_ONESHOT);
    const int code = sd_event_add_defer(event_, &state->source, on_deferred, state.get());
    return finish(code, std::move(state), priority, "defer a call");
}

Result<Source> Loop::add_inotify(const std::string& path, std::uint32_t mask, Priority priority, OnFile callback) {
    auto state = std::make_unique<Source::State>(std::move(callback), SD_EVENT_ON);
    const int code = sd_event_add_inotify(event_, &state->source, path.c_str(), mask, on_file, state.get());
    return finish(code, std::move(state), priority, "watch '" + path + "'");
}

MonotonicTime Loop::now() const {
    std::uint64_t usec = 0;
    const int code = sd_event_now(event_, CLOCK_MONOTONIC, &usec);
    ASSERT(code >= 0);
    return MonotonicTime(Duration(static_cast<Duration::rep>(usec)));
}

Result<int> Loop::run() {
    const int code = sd_event_loop(event_);
    if (code < 0) return fail_errno(code, "run the event loop");
    return code;
}

void Loop::exit(int code) {
    ASSERT(code >= 0);
    sd_event_exit(event_, code);
}

}  // namespace pinion::event
