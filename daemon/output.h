// SPDX-License-Identifier: Apache-2.0
// What one worker writes: its two pipes, from bytes to lines to the log, within a budget; and its last lines, for the
// death record and `status`. Reading never depends on whether anybody takes the lines, so a worker is never blocked by
// us.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/ids.h"
#include "daemon/last_lines.h"
#include "event/loop.h"
#include "log/line_splitter.h"
#include "log/writer.h"
#include "model/pool_spec.h"

namespace pinion::daemon {

// What all outputs share.
struct OutputServices {
    event::Loop& loop;
    log::Writer& writer;
    std::function<void()> on_drop;  // lines were dropped: someone should call report_drops() soon
};

class WorkerOutput {
public:
    enum Stream : std::size_t { out = 0, err = 1 };

    WorkerOutput(OutputServices& services, WorkerId worker, LastLines& last_lines, std::uint32_t lines_per_second);
    WorkerOutput(const WorkerOutput&) = delete;
    WorkerOutput& operator=(const WorkerOutput&) = delete;

    // Opens what the child writes to on both streams; without `with_out`, standard output is somebody else's.
    [[nodiscard]] Result<void> open(const LogPolicy& policy, bool with_out = true);
    // Told of every line, printable.
    void set_tap(std::function<void(std::string_view)> tap) { tap_ = std::move(tap); }
    // A line that came another way, as if written to standard output.
    void add_line(std::string_view line);
    // The child's end of a stream, until `started`.
    [[nodiscard]] int child_fd(Stream stream) const noexcept { return streams_[stream].child.fd(); }
    // How the child opens a stream to journald of its own (`direct`), instead of that end; empty: it does not.
    [[nodiscard]] const std::string& journal_header(Stream stream) const { return streams_[stream].journal_header; }
    // The child runs: lets its ends go and begins to read. `pid` and `cpus` label the lines.
    void started(pid_t pid, const std::string& cpus);

    // Reads what is in the pipes now, without blocking and bounded. A line that has begun is taken for whole: who wrote
    // it has ended.
    void catch_up();
    // The same at the end of a life.
    void drain();
    // Priorities and the budget of a changed configuration.
    void retune(const LogPolicy& policy, std::uint32_t lines_per_second);
    // Writes the record of dropped lines, if there are any.
    void report_drops();
    // Lines since the life began that this worker has written in all (dropped ones included).
    [[nodiscard]] std::uint64_t line_count() const noexcept { return line_count_; }
    // The last lines written since this life began, printable.
    [[nodiscard]] std::vector<std::string> last_lines() const;

private:
    struct StreamState {
        UniqueFd child;  // until started
        UniqueFd read;   // our end of the pipe; none for null
        std::string journal_header;
        event::Source source;
        log::LineSplitter splitter;
        log::Priority priority = log::Priority::info;
        std::string file;  // where lines go instead of the journal
    };
    [[nodiscard]] Result<void> open_stream(StreamState& stream, const LogTarget& target);
    void configure(StreamState& stream, const LogTarget& target);
    // Reads once, from a stream that has a pipe; how many bytes, 0 where there is nothing now or nothing more.
    std::size_t read_some(StreamState& stream);
    void take_line(StreamState& stream, log::Line line);
    void make_fields();
    void end_of_stream(StreamState& stream);

    OutputServices& services_;
    WorkerId worker_;
    LastLines& kept_;
    log::LineBudget budget_;
    std::array<StreamState, 2> streams_;
    pid_t pid_ = 0;
    std::string cpus_;
    std::vector<std::pair<std::string, std::string>> fields_;  // of every line; made with the first
    std::uint64_t line_count_ = 0;
    std::function<void(std::string_view)> tap_;
};

}  // namespace pinion::daemon
