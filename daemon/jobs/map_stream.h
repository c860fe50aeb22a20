// SPDX-License-Identifier: Apache-2.0
// The results of one map on their way to one client: what the two kinds of it, one that the client fills (OpenedMap)
// and one that it came back to (AttachedMap), have in common. A client takes results only as far as it has allowed;
// those beyond stay in the store, so that one that does not read costs a bounded amount.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "daemon/jobs/client_port.h"
#include "daemon/jobs/job_queue.h"
#include "daemon/jobs/socket_limits.h"

namespace pinion::daemon {

class MapStream : public JobListener {
public:
    MapStream(JobQueue& queue, ClientPort& port, MapId map) : queue_(queue), port_(port), map_(map) {}
    MapStream(const MapStream&) = delete;
    MapStream& operator=(const MapStream&) = delete;
    ~MapStream() override { queue_.forget(*this); }

    [[nodiscard]] MapId map() const noexcept { return map_; }
    // The client takes so many results more.
    void allow(std::uint64_t results) {
        credit_ += std::min(results, UINT64_MAX - credit_);
        pump();
    }
    // Sends what may be sent; called when the client has room again, too.
    virtual void pump() = 0;
    void store_stopped(const std::string& why) override { give_up(FailureCode::refused, why); }
    // Everything was said about this map: it may go.
    [[nodiscard]] bool over() const noexcept { return over_; }

    [[nodiscard]] virtual std::optional<MonotonicTime> deadline() const { return progress_at_; }
    virtual void tick(MonotonicTime now) {
        if (progress_at_ && *progress_at_ <= now) tell_progress();
    }

protected:
    // Counts an end, and has progress told of it within a tenth of a second.
    void note_end(jobs::JobState state) {
        ++ended_;
        if (state == jobs::JobState::failed) ++failed_;
        if (progress_at_) return;
        progress_at_ = add_saturating(port_.now(), socket_limits::progress_every);
        port_.changed();
    }
    void tell_progress() {
        progress_at_.reset();
        if (over_ || !port_.has_room()) return;
        wire::Json progress = wire::Json::object().set("finished", ended_).set("failed", failed_);
        if (total_) progress.set("total", *total_);
        port_.outbox().add(wire::MessageType::map_progress, map_.value, progress);
        port_.changed();
    }
    void send(const FinishedItem& item) {
        port_.outbox().add_finished(map_.value, item);
        port_.changed();
        --credit_;
        if (item.state == jobs::JobState::done) ++sent_.done;
        if (item.state == jobs::JobState::failed) ++sent_.failed;
        if (item.state == jobs::JobState::cancelled) ++sent_.cancelled;
    }
    // Over, and nothing was missing.
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    [[nodiscard]] bool may_send() const { return credit_ > 0 && port_.has_room(); }
    // Last of all.
    void finish() {
        if (over_) return;
        tell_progress();
        over_ = true;
        complete_ = true;
        port_.outbox().add(
            wire::MessageType::map_done, map_.value,
            wire::Json::object().set("done", sent_.done).set("failed", sent_.failed).set("cancelled", sent_.cancelled));
        port_.changed();
    }
    void end_without_words() {
        over_ = true;
        port_.changed();
    }
    // The same in place of it, when no more can be had.
    void give_up(FailureCode code, const std::string& message) {
        if (over_) return;
        over_ = true;
        port_.fail(map_.value, code, message);
    }

    JobQueue& queue_;
    ClientPort& port_;
    std::uint64_t credit_ = 0;
    std::uint64_t ended_ = 0;  // items at their end, as far as is known
    std::uint64_t failed_ = 0;
    std::optional<std::uint64_t> total_;

private:
    MapId map_;
    bool over_ = false;
    bool complete_ = false;
    struct {
        std::uint64_t done = 0;
        std::uint64_t failed = 0;
        std::uint64_t cancelled = 0;
    } sent_;
    std::optional<MonotonicTime> progress_at_;
};

}  // namespace pinion::daemon
