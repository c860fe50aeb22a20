// SPDX-License-Identifier: Apache-2.0
// RAII over sd-event: one loop, sources that unregister when they go, callbacks as move-only functions. The order of
// ties is the product's contract and stands in Priority.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/time.h"

struct sd_event;

namespace pinion::event {

// Lower runs first. sd-event's priorities are strict: a busy source starves all above its number. Those of one number
// take turns. So whatever workers and clients can keep busy works by a budget and comes last. Readiness, which anybody
// can flood, is early only for its share of the time (share.h), and then takes turns with those of `output`.
enum class Priority : std::int64_t { exits = -100, readiness = -50, timer = 0, commands = 50, output = 100 };

// A registered source. Destroying it unregisters it; safe inside its own callback. Default: none, on which the calls
// below do nothing.
class Source {
public:
    struct State;
    Source() noexcept;
    explicit Source(std::unique_ptr<State> state) noexcept;
    Source(Source&&) noexcept;
    Source& operator=(Source&&) noexcept;
    ~Source();

    [[nodiscard]] bool valid() const noexcept;
    // Stops or resumes delivery without unregistering.
    void enable(bool on);
    // Timers only: the next time to fire, once; `no_deadline` disarms.
    void arm(MonotonicTime at);
    // I/O only: a new mask of EPOLL… events.
    void watch(std::uint32_t events);

private:
    std::unique_ptr<State> state_;
};

class Loop {
public:
    // The default loop of this thread; watches the service manager's watchdog if asked (WatchdogSec=).
    [[nodiscard]] static Result<Loop> make();
    Loop(Loop&&) noexcept;
    Loop& operator=(Loop&&) noexcept;
    ~Loop();

    // Calls back with the EPOLL… events that are ready. The fd stays the caller's and must outlive the source.
    [[nodiscard]] Result<Source> add_io(int fd, std::uint32_t events, Priority priority,
                                        std::move_only_function<void(std::uint32_t)> callback);
    // One-shot, disarmed at first; accuracy 1 µs.
    [[nodiscard]] Result<Source> add_timer(Priority priority, std::move_only_function<void()> callback);
    // The signal must be blocked. Calls back with the sending pid (0 where unknown).
    [[nodiscard]] Result<Source> add_signal(int signal, Priority priority,
                                            std::move_only_function<void(pid_t)> callback);
    // Runs once, in a turn of its own after the current one; `enable(true)` has it run once more.
    [[nodiscard]] Result<Source> add_deferred(Priority priority, std::move_only_function<void()> callback);
    // Inotify on a path; the callback gets the mask and the file's name within the folder ("" where none).
    [[nodiscard]] Result<Source> add_inotify(const std::string& path, std::uint32_t mask, Priority priority,
                                             std::move_only_function<void(std::uint32_t, std::string_view)> callback);

    // The time of the current turn, the same for all callbacks of one wake-up.
    [[nodiscard]] MonotonicTime now() const;
    // Until `exit` was called; returns its code. A loop runs once.
    [[nodiscard]] Result<int> run();
    // `code` must not be negative.
    void exit(int code);

    // For sd-bus, which attaches itself.
    [[nodiscard]] sd_event* raw() const noexcept { return event_; }

private:
    explicit Loop(sd_event* event) noexcept : event_(event) {}
    sd_event* event_ = nullptr;
};

}  // namespace pinion::event
