// SPDX-License-Identifier: Apache-2.0
// The kernel's own word of devices that come and go (netlink, kobject uevents), for CPUs.
#pragma once

#include <functional>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "event/loop.h"

namespace pinion::event {

// Whether a message of the kernel says that a CPU went online or offline. Pure.
[[nodiscard]] bool tells_of_cpu(std::string_view message) noexcept;

class CpuEvents {
public:
    // `changed` is called once for what waits at the socket, if any of it tells of a CPU, or some was lost. Fails where
    // the kernel gives no such socket; in a container it may give one on which nothing comes.
    [[nodiscard]] static Result<CpuEvents> open(Loop& loop, std::move_only_function<void()> changed);

private:
    CpuEvents(UniqueFd socket, Source source) : socket_(std::move(socket)), source_(std::move(source)) {}
    UniqueFd socket_;  // outlives its source
    Source source_;
};

}  // namespace pinion::event
