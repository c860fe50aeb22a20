// SPDX-License-Identifier: Apache-2.0
#include "daemon/loader.h"

#include <malloc.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <system_error>
#include <utility>

namespace pinion::daemon {

Loaded load_now(const config::LoadOptions& options) { return {config::load(options), read_machine()}; }

Result<std::unique_ptr<Loader>> Loader::make(event::Loop& loop, config::LoadOptions options, Done done) {
    std::unique_ptr<Loader> loader(new Loader(std::move(options), std::move(done)));
    PINION_TRY(pipe, make_pipe());
    loader->wake_ = std::move(pipe);
    PINION_TRY(source, loop.add_io(loader->wake_.read.fd(), EPOLLIN, event::Priority::commands,
                                   [loader = loader.get()](std::uint32_t) { loader->finished(); }));
    loader->source_ = std::move(source);
    return loader;
}

Loader::~Loader() {
    if (thread_.joinable()) thread_.join();
}

void Loader::request() {
    if (running_) {
        again_ = true;
        return;
    }
    start_thread();
}

void Loader::start_thread() {
    running_ = true;
    const auto load = [this] {
        result_ = std::make_unique<Loaded>(load_now(options_));
        static_cast<void>(write_all(wake_.write.fd(), "."));
    };
    try {
        thread_ = std::thread(load);
    } catch (const std::system_error&) {
        load();  // no thread to be had: an operator's word is answered all the same, a little later
    }
}

void Loader::finished() {
    char byte;
    static_cast<void>(::read(wake_.read.fd(), &byte, 1));
    if (thread_.joinable()) thread_.join();
    running_ = false;
    auto result = std::move(result_);
    // Somebody asked after this load had begun: what it has read may be older than what they mean.
    if (std::exchange(again_, false)) {
        start_thread();
        return;
    }
    done_(std::move(*result));
    // The parser's tree is gone; give its pages back, since the next load may be days away.
    result.reset();
    ::malloc_trim(0);
}

}  // namespace pinion::daemon
