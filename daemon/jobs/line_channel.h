// SPDX-License-Identifier: Apache-2.0
// What the channels of `protocol: lines` have in common: two pipes, and what the worker writes taken line by line.
#pragma once

#include <cstddef>
#include <string_view>

#include "daemon/jobs/channel_io.h"
#include "daemon/jobs/worker_channel.h"
#include "wire/limits.h"
#include "wire/lines.h"

namespace pinion::daemon {

class LineChannel : public WorkerChannel {
public:
    [[nodiscard]] Result<void> open() { return io_.open_pipes(); }
    [[nodiscard]] ChildEnds child_ends() const final { return io_.child_ends(); }
    [[nodiscard]] Result<void> started() final { return io_.started(); }
    [[nodiscard]] std::uint64_t sent_bytes() const final { return io_.sent_bytes(); }
    [[nodiscard]] std::uint64_t taken_bytes() const final { return io_.taken_bytes(); }
    void drain() final { io_.drain(); }
    void finish_input() final { io_.finish_input(); }

protected:
    // Of a line longer than `max_line` only its beginning is taken.
    LineChannel(event::Loop& loop, ChannelOwner& owner, std::size_t max_line)
        : owner_(owner),
          io_(loop, {.bytes = [this](std::string_view bytes) { read(bytes); },
                     .end = [this] { end(); },
                     .blocked = [this](bool blocked) { owner_.blocked(blocked); },
                     .hung_up = [this](bool mute) { owner_.hung_up(mute); }}),
          lines_(max_line) {}

    // Each line, without its newline; `whole` is false for one that was too long.
    virtual void take(std::string_view line, bool whole) = 0;

    // A line that is no answer, for the log.
    void stray(std::string_view line, bool whole) {
        owner_.stray(line.substr(0, wire::limits::max_stray_bytes),
                     whole && line.size() <= wire::limits::max_stray_bytes);
    }

    ChannelOwner& owner_;
    ChannelIo io_;

private:
    void read(std::string_view bytes) {
        lines_.feed(bytes, [this](std::string_view line, bool whole) { take(line, whole); });
    }
    // What is left has no newline: whether it is all that was meant, nobody can tell.
    void end() {
        lines_.finish([this](std::string_view line, bool) { stray(line, false); });
    }

    wire::LineReader lines_;
};

}  // namespace pinion::daemon
