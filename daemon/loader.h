// SPDX-License-Identifier: Apache-2.0
// Loads configurations off the deciding thread: a thread a load, its result handed to the loop. One at a time; requests
// that come meanwhile are answered by one more load after it.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "config/config.h"
#include "daemon/placement.h"
#include "event/loop.h"

namespace pinion::daemon {

// What one load found. `machine` is read even where the text is refused.
struct Loaded {
    std::expected<config::Config, std::vector<config::Diagnostic>> config;
    Result<Machine> machine;
};

// Reads, validates and probes, in the calling thread.
[[nodiscard]] Loaded load_now(const config::LoadOptions& options);

class Loader {
public:
    using Done = std::move_only_function<void(Loaded)>;

    [[nodiscard]] static Result<std::unique_ptr<Loader>> make(event::Loop& loop, config::LoadOptions options,
                                                              Done done);
    // Waits for a load that runs.
    ~Loader();
    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;

    // Loads soon; `done` is called in the loop.
    void request();

private:
    Loader(config::LoadOptions options, Done done) : options_(std::move(options)), done_(std::move(done)) {}
    void start_thread();
    void finished();

    config::LoadOptions options_;
    Done done_;
    Pipe wake_;
    event::Source source_;
    std::thread thread_;
    std::unique_ptr<Loaded> result_;  // the thread's until it has written to `wake_`
    bool running_ = false;
    bool again_ = false;
};

}  // namespace pinion::daemon
