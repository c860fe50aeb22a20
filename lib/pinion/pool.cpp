// SPDX-License-Identifier: Apache-2.0
#include <pinion/pool.h>
#include <unistd.h>

#include <stdexcept>

#include "pinion/pool_core.h"

namespace pinion::inline v0 {

Pool::Pool(PoolOptions options) : core_(std::make_unique<Core>(std::move(options))) {}

// A forked child has the memory of its parent's pool, but neither its thread nor its workers.
Pool::~Pool() {
    if (core_->owner() != ::getpid()) static_cast<void>(core_.release());
}

Pool::Core& Pool::core() const {
    if (core_->owner() != ::getpid()) throw std::logic_error("pool of another process");
    return *core_;
}

detail::Batch Pool::start(detail::TaskCall call, std::vector<std::string> messages, const TaskOptions& options,
                          bool eager) {
    auto state = std::make_shared<detail::Batch::State>(messages.size(), eager);
    core().give(state, call, std::move(messages), options);
    return detail::Batch(std::move(state));
}

void Pool::close() { core().close(); }
bool Pool::join(Timeout timeout) { return core().join(timeout); }
void Pool::terminate() { core().terminate(); }
std::vector<Pool::Worker> Pool::workers() const { return core().workers(); }
std::uint64_t Pool::replaced() const { return core().replaced(); }

}  // namespace pinion::inline v0
