// SPDX-License-Identifier: Apache-2.0
#include "daemon/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "daemon/records.h"
#include "log/journal_stream.h"
#include "log/messages.h"

namespace pinion::daemon {
namespace {

constexpr std::size_t read_size = 16 * 1024;

// Where a line of the journal is only a label long.
constexpr std::size_t kept_line_bytes = 400;

// How many bytes a pipe holds now: as many as its worker gave it room for, which may be more than it was born with.
std::size_t bytes_in(const UniqueFd& pipe) {
    int bytes = 0;
    return pipe && ::ioctl(pipe.fd(), FIONREAD, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

}  // namespace

WorkerOutput::WorkerOutput(OutputServices& services, WorkerId worker, LastLines& last_lines,
                           std::uint32_t lines_per_second)
    : services_(services), worker_(std::move(worker)), kept_(last_lines), budget_(lines_per_second) {}

Result<void> WorkerOutput::open(const LogPolicy& policy, bool with_out) {
    if (with_out) {
        PINION_CHECK(open_stream(streams_[out], policy.out));
    } else {
        configure(streams_[out], policy.out);
    }
    return open_stream(streams_[err], policy.err);
}

Result<void> WorkerOutput::open_stream(StreamState& stream, const LogTarget& target) {
    configure(stream, target);
    if (std::holds_alternative<LogToNull>(target)) {
        PINION_TRY(null, open_file("/dev/null", O_WRONLY));
        stream.child = std::move(null);
        return {};
    }
    if (std::holds_alternative<LogDirect>(target))
        stream.journal_header = log::journal_stream_header(worker_.pool, stream.priority);
    PINION_TRY(pipe, make_pipe());
    if (::fcntl(pipe.read.fd(), F_SETFL, O_NONBLOCK) < 0) return fail_last("make a pipe non-blocking");
    stream.read = std::move(pipe.read);
    stream.child = std::move(pipe.write);
    return {};
}

void WorkerOutput::configure(StreamState& stream, const LogTarget& target) {
    stream.file.clear();
    if (const auto* journal = std::get_if<LogToJournal>(&target)) stream.priority = log::Priority(journal->priority);
    if (const auto* direct = std::get_if<LogDirect>(&target)) stream.priority = log::Priority(direct->priority);
    if (const auto* file = std::get_if<LogToFile>(&target)) stream.file = file->path;
}

void WorkerOutput::started(pid_t pid, const std::string& cpus) {
    pid_ = pid;
    cpus_ = cpus;
    for (auto& stream : streams_) {
        stream.child.reset();
        if (!stream.read) continue;
        auto source = services_.loop.add_io(stream.read.fd(), EPOLLIN, event::Priority::output,
                                            [this, &stream](std::uint32_t) { read_some(stream); });
        // Without a source the worker would fill its pipe and stop; closing our end tells it instead (EPIPE).
        if (source)
            stream.source = std::move(*source);
        else
            stream.read.reset();
    }
}

std::size_t WorkerOutput::read_some(StreamState& stream) {
    static thread_local char buffer[read_size];
    ssize_t n = 0;
    do n = ::read(stream.read.fd(), buffer, sizeof buffer);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) return 0;
    if (n <= 0) {
        end_of_stream(stream);
        return 0;
    }
    stream.splitter.feed({buffer, static_cast<std::size_t>(n)}, [&](log::Line line) { take_line(stream, line); });
    return static_cast<std::size_t>(n);
}

void WorkerOutput::end_of_stream(StreamState& stream) {
    stream.splitter.finish([&](log::Line line) { take_line(stream, line); });
    stream.source = {};
    stream.read.reset();
}

void WorkerOutput::make_fields() {
    fields_ = {{"PINION_POOL", worker_.pool},
               {"PINION_SLOT", std::to_string(worker_.slot.value)},
               {"PINION_GENERATION", std::to_string(worker_.generation.value)},
               {"OBJECT_PID", std::to_string(pid_)}};
    if (!cpus_.empty()) fields_.emplace_back("PINION_CPUS", cpus_);
}

void WorkerOutput::take_line(StreamState& stream, log::Line line) {
    ++line_count_;
    const auto [priority, text] = log::parse_prefix(line.text, stream.priority);
    auto shown = printable(text, kept_line_bytes);
    if (tap_) tap_(shown);
    kept_.add({wall_now(), priority, std::move(shown)});
    if (!budget_.take(services_.loop.now())) {
        services_.on_drop();
        return;
    }
    if (!stream.file.empty()) {
        services_.writer.file_line(stream.file, std::string(line.text));
        return;
    }
    if (fields_.empty()) make_fields();
    log::Record record{.priority = priority,
                       .message = std::string(text),
                       .kind = nullptr,
                       .identifier = worker_.pool,
                       .fields = fields_};
    if (line.cut) record.fields.emplace_back("PINION_LINE_CUT", "1");
    if (!services_.writer.output(std::move(record))) services_.on_drop();
}

void WorkerOutput::add_line(std::string_view line) { take_line(streams_[out], {line, false}); }

void WorkerOutput::catch_up() {
    for (auto& stream : streams_) {
        // Not until it is empty: somebody may go on writing.
        for (std::size_t left = bytes_in(stream.read); left > 0;) {
            const std::size_t some = read_some(stream);
            if (some == 0) break;
            left -= std::min(left, some);
        }
        stream.splitter.finish([&](log::Line line) { take_line(stream, line); });
    }
}

void WorkerOutput::drain() {
    catch_up();
    for (auto& stream : streams_)
        if (stream.read) end_of_stream(stream);
}

void WorkerOutput::retune(const LogPolicy& policy, std::uint32_t lines_per_second) {
    budget_.set_rate(lines_per_second);
    // Only priorities change live; a change of the target itself respawns the worker.
    if (const auto* journal = std::get_if<LogToJournal>(&policy.out))
        streams_[out].priority = log::Priority(journal->priority);
    if (const auto* journal = std::get_if<LogToJournal>(&policy.err))
        streams_[err].priority = log::Priority(journal->priority);
}

void WorkerOutput::report_drops() {
    const auto dropped = budget_.take_dropped();
    if (dropped == 0) return;
    auto record = pool_record(log::Priority::warning, log::messages::output_dropped, worker_.pool,
                              fmt::format("{}: dropped {} line{} of output above daemon.log_lines_per_second",
                                          slot_name(worker_.pool, worker_.slot), dropped, dropped == 1 ? "" : "s"));
    record.fields.emplace_back("PINION_SLOT", std::to_string(worker_.slot.value));
    record.fields.emplace_back("PINION_DROPPED_LINES", std::to_string(dropped));
    services_.writer.lifecycle(std::move(record));
}

std::vector<std::string> WorkerOutput::last_lines() const {
    const auto& lines = kept_.lines();
    const auto count = std::min<std::uint64_t>(line_count_, lines.size());
    std::vector<std::string> result;
    for (auto line = lines.end() - static_cast<std::ptrdiff_t>(count); line != lines.end(); ++line)
        result.push_back(line->text);
    return result;
}

}  // namespace pinion::daemon
