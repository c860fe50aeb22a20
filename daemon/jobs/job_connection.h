// SPDX-License-Identifier: Apache-2.0
// One client of the job socket: bytes in, bytes out, and the requests between. It knows no descriptor and no loop: its
// shell (ClientSocket) feeds it, takes its output and calls `tend` and `tick`. Nothing here grows with what a client
// does or leaves undone past socket_limits.h: a client is not read while it has too much unanswered or untaken.
#pragma once

#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "daemon/access.h"
#include "daemon/jobs/client_port.h"
#include "daemon/jobs/job_queue.h"
#include "daemon/jobs/job_request.h"
#include "daemon/jobs/job_waits.h"
#include "daemon/jobs/map_stream.h"
#include "daemon/jobs/opened_map.h"
#include "wire/frames.h"

namespace pinion::daemon {

struct ConnectionSetting {
    Caller caller;
    uid_t own_uid = 0;
    std::function<void()> changed;       // output, appetite or deadline may be others: look again, in a turn of its own
    std::function<MonotonicTime()> now;  // of this turn
};

// Shared with the answers it waits for, which must not keep it.
class JobConnection : public ClientPort, public std::enable_shared_from_this<JobConnection> {
public:
    JobConnection(JobQueue& queue, ConnectionSetting setting);
    JobConnection(const JobConnection&) = delete;
    JobConnection& operator=(const JobConnection&) = delete;
    ~JobConnection() override;

    void feed(std::string_view bytes);
    // Whether it should be read from.
    [[nodiscard]] bool wants_input() const;
    // After output was taken, after `changed`, or when the queue has room again.
    void tend();
    [[nodiscard]] std::optional<MonotonicTime> deadline() const;
    void tick(MonotonicTime now);
    // To be closed once its output is taken.
    [[nodiscard]] bool closing() const noexcept { return closing_; }
    [[nodiscard]] const Caller& caller() const noexcept { return setting_.caller; }

    [[nodiscard]] Outbox& outbox() override { return outbox_; }
    [[nodiscard]] bool has_room() const override;
    void changed() override { setting_.changed(); }
    void fail(std::uint64_t id, FailureCode code, const std::string& message) override;
    [[nodiscard]] MonotonicTime now() const override { return setting_.now(); }

private:
    // Counts a request as unanswered while it lives; travels with the callbacks.
    class InFlight;
    struct Frame {
        wire::FrameHeader header;
        std::string payload;
    };
    struct Failure {
        FailureCode code{};
        std::string message;
    };
    using JobSeen = std::move_only_function<void(const std::expected<jobs::StoredJob, Failure>&)>;
    using JobFound = std::move_only_function<void(const jobs::StoredJob&)>;
    using MapKnown = std::move_only_function<void(const JobPool&, MapId)>;
    struct NamedMap {
        std::string pool;  // empty: whichever has it
        std::string name;
    };
    struct Cancelling;
    struct Retrying;

    [[nodiscard]] bool may_take() const;
    [[nodiscard]] std::size_t input_bytes() const;
    void handle(const wire::FrameHeader& header, std::string_view payload);
    void break_off(std::uint64_t id, FailureCode code, const std::string& message);
    [[nodiscard]] std::shared_ptr<InFlight> in_flight(std::size_t weight = 1, std::size_t bytes = 0);
    void answer(std::uint64_t id, const wire::Json& payload);

    [[nodiscard]] bool may_see(const std::string& pool) const;
    // The pool, if it is there and this client may use it; else the client was told.
    [[nodiscard]] std::optional<JobPool> usable(std::uint64_t id, const std::string& pool);
    [[nodiscard]] bool check_inputs(std::uint64_t id, const JobPool& pool, const std::vector<std::string>& inputs);
    // The job, or why this client can't have it.
    void look_up(JobId job, JobSeen seen);
    // The job; else the client was told.
    void with_job(std::uint64_t id, JobId job, JobFound found);
    void with_map(std::uint64_t id, NamedMap map, MapKnown found);
    void attach(std::uint64_t id, const AttachMapRequest& request, const JobPool& pool, MapId known);
    void attach_to_stored(std::uint64_t id, const AttachMapRequest& request, const JobPool& pool, MapId known);
    void attach_to(std::uint64_t id, const AttachMapRequest& request, const JobPool& pool, const jobs::StoredMap& map);
    [[nodiscard]] bool has_map_to_spare(std::uint64_t id);

    void on(std::uint64_t id, HelloRequest request);
    void on(std::uint64_t id, SubmitRequest request);
    void on(std::uint64_t id, OpenMapRequest request);
    void on(std::uint64_t id, AddItemsRequest request);
    void on(std::uint64_t id, SealMapRequest request);
    void on(std::uint64_t id, AttachMapRequest request);
    void on(std::uint64_t id, AllowRequest request);
    void on(std::uint64_t id, WaitRequest request);
    void on(std::uint64_t id, AskJobRequest request);
    void on(std::uint64_t id, ListRequest request);
    void on(std::uint64_t id, CancelRequest request);
    void on(std::uint64_t id, RetryRequest request);
    void on(std::uint64_t id, QueueRequest request);
    void on(std::uint64_t id, WhyRequest request);
    void on(std::uint64_t id, LogRequest request);
    void on(std::uint64_t id, AskPoolRequest request);
    void list(std::uint64_t id, const ListRequest& request, std::optional<MapId> map, std::shared_ptr<InFlight> token);
    void cancel_next(std::shared_ptr<Cancelling> work);
    void cancelled(const std::shared_ptr<Cancelling>& work, JobId job, Answer<jobs::JobState> end);
    void refuse(Cancelling& work, const Failure& why);
    void tell_cancelled(Cancelling& work);
    void retry_next(std::shared_ptr<Retrying> work);
    void resubmit(std::shared_ptr<Retrying> work, const jobs::StoredJob& job);

    JobQueue& queue_;
    ConnectionSetting setting_;
    wire::FrameReader reader_;
    std::deque<Frame> pending_;  // read, not handled yet: at most what was read at once
    mutable Outbox outbox_;
    mutable bool full_ = false;
    bool greeted_ = false;
    MonotonicTime hello_by_;
    bool is_late_ = false;  // with it
    bool closing_ = false;
    std::size_t in_flight_ = 0;
    std::size_t in_flight_bytes_ = 0;
    std::set<std::uint64_t> tickets_;  // of submits that may wait for room
    std::map<MapId, std::shared_ptr<OpenedMap>> opened_;
    std::map<MapId, std::shared_ptr<MapStream>> attached_;
    std::shared_ptr<JobWaits> waits_;
};

}  // namespace pinion::daemon
