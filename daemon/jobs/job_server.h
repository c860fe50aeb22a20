// SPDX-License-Identifier: Apache-2.0
// The job socket: descriptors and the loop around JobConnection, which does the talking. Everybody may connect, since a
// stranger deserves a reason; what they may do is judged by their credentials. Many clients, or one that does not read,
// cost a bounded amount (socket_limits.h), and nobody else notices.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "daemon/access.h"
#include "daemon/jobs/job_queue.h"
#include "event/loop.h"

namespace pinion::daemon {

struct JobServerSetting {
    uid_t own_uid = 0;
    std::function<std::optional<Caller>(int socket)> peer;  // peer_of
};

class JobServer {
public:
    // The loop and the queue must outlive it. Takes the queue's `on_room`.
    JobServer(event::Loop& loop, JobQueue& queue, JobServerSetting setting);
    JobServer(const JobServer&) = delete;
    JobServer& operator=(const JobServer&) = delete;
    // Ends every connection and removes the socket's name.
    ~JobServer();

    // Listens at `path`, in place of whatever is there. Fails with a reason; the server is unchanged then.
    [[nodiscard]] Result<void> listen(const std::string& path);
    // A client that is connected already.
    void adopt(UniqueFd socket, Caller caller);
    [[nodiscard]] std::size_t clients() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pinion::daemon
