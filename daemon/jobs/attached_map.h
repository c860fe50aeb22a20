// SPDX-License-Identifier: Apache-2.0
// A named map that a client comes back to: its results in input order, from an index on, read from the store. An end
// that comes meanwhile only says that reading again is worth while, so nothing is missed and nothing comes twice.
#pragma once

#include <deque>
#include <memory>

#include "daemon/jobs/map_stream.h"

namespace pinion::daemon {

// Shared with the reads it waits for, which must not keep it.
class AttachedMap : public MapStream, public std::enable_shared_from_this<AttachedMap> {
public:
    // `from`: the index of the first result to send.
    AttachedMap(JobQueue& queue, ClientPort& port, const jobs::StoredMap& map, std::uint64_t from);

    void pump() override;
    [[nodiscard]] std::optional<MonotonicTime> deadline() const override;
    void tick(MonotonicTime now) override;

    void job_ended(const JobEnd& end) override;
    void map_settled(const jobs::MapSettled& settled) override;
    void map_left() override;

private:
    void read();
    void have_read(Answer<std::vector<jobs::StoredJob>> items);
    void all_read();
    [[nodiscard]] bool is_abandoned() const;

    std::uint64_t next_;                // index of the next to read
    std::uint64_t missing_ = 0;         // items of a sealed map that are kept no longer
    std::deque<jobs::StoredJob> kept_;  // read, not sent
    bool settled_ = false;              // no item is left that has not ended
    bool worth_ = true;                 // something may have come since the last read began
    bool reading_ = false;
    bool settled_before_ = false;  // the read under way
    std::uint32_t asked_ = 0;      // of it
    std::uint32_t limit_ = 1;      // of the next: grows while results are small
    std::optional<MonotonicTime> not_before_;
};

}  // namespace pinion::daemon
