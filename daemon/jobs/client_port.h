// SPDX-License-Identifier: Apache-2.0
// One client as the parts of its connection see it: where frames go, and whether it takes them.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "daemon/jobs/outbox.h"

namespace pinion::daemon {

// What a client is told when its request is not carried out; `failure` carries them.
enum class FailureCode : std::uint8_t { protocol, version, permission, not_found, invalid, refused, busy };
[[nodiscard]] const char* to_string(FailureCode code) noexcept;

class ClientPort {
public:
    virtual ~ClientPort() = default;
    // Whoever adds to it says `changed` afterwards.
    [[nodiscard]] virtual Outbox& outbox() = 0;
    // Whether the client has taken enough of what it was sent; who waits for it is called when it has.
    [[nodiscard]] virtual bool has_room() const = 0;
    virtual void changed() = 0;
    virtual void fail(std::uint64_t id, FailureCode code, const std::string& message) = 0;
    [[nodiscard]] virtual MonotonicTime now() const = 0;
};

}  // namespace pinion::daemon
