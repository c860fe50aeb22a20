// SPDX-License-Identifier: Apache-2.0
// The one place where the daemon's records leave the deciding thread. Two bounded lanes, for lifecycle and for
// output, written in the order in which they came unless output is far behind; a thread of its own feeds the sink. The
// caller never waits: what does not fit is dropped and counted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/time.h"
#include "log/sink.h"
#include "model/limits.h"

namespace pinion::log {

struct DropCounts {
    std::uint64_t lines = 0;    // worker output
    std::uint64_t records = 0;  // lifecycle records
    std::uint64_t failed = 0;   // the sink refused them
};

class Writer {
public:
    // Starts the thread (all signals blocked in it). Where the system has no thread to give, each call tries again.
    explicit Writer(std::unique_ptr<Sink> sink, Duration flush_at_exit = limits::log_flush_at_exit);
    // Flushes for at most `flush_at_exit`, then leaves a sink that hangs behind without waiting for it.
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // Both return whether the record was taken. O(1), no I/O. Records of several threads keep each thread's order.
    bool lifecycle(Record record);
    bool output(Record record);
    // Appends a line to a file (made if missing, mode 0640), in the same thread; with a newline added. Shares the lane
    // of `output`. A full disk drops and counts. `reopen_files` closes all, so that the next line opens the new one
    // (SIGUSR1, logrotate).
    bool file_line(const std::string& path, std::string line);
    void reopen_files();

    // Readable, until `clear_failure`, once there are losses to tell: a line could not be written to its file, or the
    // sink takes records again after it refused some. -1: the system had none to give.
    [[nodiscard]] int failure_fd() const noexcept;
    void clear_failure();

    // What was dropped since the last call.
    [[nodiscard]] DropCounts take_drops();

    // Waits until all that was queued has been written, at most `timeout`. Whether it was. For tests and for the end.
    bool flush(Duration timeout);

private:
    struct State;
    bool enqueue_output(Record record, std::string path);
    // Shared with the thread, which outlives this object where the sink hangs.
    std::shared_ptr<State> state_;
    Duration flush_at_exit_;
};

}  // namespace pinion::log
