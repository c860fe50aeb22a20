// SPDX-License-Identifier: Apache-2.0
// One child process: a callable in a copy of this process, or a command.
#pragma once

#include <pinion/api.h>
#include <pinion/death.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace pinion::inline v0 {

struct ProcessOptions {
    std::string name;            // as ps and messages show it, the first 15 bytes; of a command only messages do
    std::vector<unsigned> cpus;  // by number; empty: as the caller
    std::map<std::string, std::string> env;  // set in addition to the caller's own
    std::string cwd;                         // empty: the caller's
    // Killed when this process ends, however it ends; a callable's process until it executes another program.
    bool die_with_parent = true;
};

// Owns a process that was started. Its destructor kills one that still runs (SIGKILL) and reaps it; `join` first to let
// it finish, or `detach`. One thread at a time uses an object. After `detach` or a move it holds none, and all members
// but those throw std::logic_error. A forked child leaves the processes of its parent alone.
//
// A callable runs in a copy of the calling thread: it sees all memory as it is now, but no other thread. It may use
// what was made before and is not held by another thread: the heap and the standard streams are safe, a mutex that some
// other thread may hold at this moment is not. Signal handlers are not inherited, the signal mask and ignored signals
// are. Standard streams are flushed before and after. It ends without destructors of static objects and without atexit.
class PINION_API Process {
public:
    // Starts `callable()`. Its result is the exit status where that is an integer, else the status is 0; an exception
    // makes it 1, with `death()->error` as "TYPE: TEXT". 127 and an error: it could not begin as `options` ask.
    // Throws std::system_error where there is no new process to be had.
    template <class F>
        requires(std::is_invocable_v<F&> && !std::is_same_v<std::remove_cvref_t<F>, Process>)
    explicit Process(F&& callable, const ProcessOptions& options = {})
        : Process(Start{}, Body{[&callable]() -> int {
                      if constexpr (std::is_integral_v<std::invoke_result_t<F&>>)
                          return static_cast<int>(callable());
                      else
                          return static_cast<void>(callable()), 0;
                  }},
                  options) {}

    // Starts a program, without a shell. `argv[0]` is looked up in the PATH of its environment unless it has a slash.
    // It has our standard files and no other descriptor, and starts with all signals at their defaults. Throws
    // std::system_error where it does not begin, with the step that failed: "exec 'nosuch': no such file or directory".
    [[nodiscard]] static Process command(const std::vector<std::string>& argv, const ProcessOptions& options = {});

    Process(Process&& other) noexcept;
    Process& operator=(Process&& other) noexcept;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    [[nodiscard]] pid_t pid() const;
    // Readable once it has ended, for an event loop of your own; this object's.
    [[nodiscard]] int pidfd() const;
    [[nodiscard]] const std::string& name() const;

    [[nodiscard]] bool is_alive();
    // Waits for its end.
    const Death& join();
    // Whether it ended in time.
    bool join(Timeout timeout);
    // How it ended; nothing while it runs.
    [[nodiscard]] std::optional<Death> death();

    // SIGTERM, SIGKILL, any signal. One that has ended is left alone: a pid that is used again is never hit.
    void terminate();
    void kill();
    void send_signal(int signal);

    // Lets it go on by itself. To be reaped by a wait of your own, or by init when this process ends; `die_with_parent`
    // stays as it was.
    void detach() noexcept;

private:
    using Body = std::function<int()>;
    struct Start {};
    struct State;
    Process(Start, const Body& body, const ProcessOptions& options);
    explicit Process(std::unique_ptr<State> state) noexcept;
    void release() noexcept;
    [[nodiscard]] State& state() const;
    std::unique_ptr<State> state_;
};

}  // namespace pinion::inline v0
