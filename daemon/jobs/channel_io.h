// SPDX-License-Identifier: Apache-2.0
// The descriptors of a worker's channel: two pipes, or a socketpair. What is sent in one turn of the loop goes out in
// one write at its end; what is read is bounded a turn. Knows nothing of jobs. SIGPIPE must be blocked or ignored.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "daemon/jobs/worker_channel.h"
#include "event/loop.h"

namespace pinion::daemon {

class ChannelIo {
public:
    struct Handlers {
        std::function<void(std::string_view)> bytes;  // what came; may call `stop`
        std::function<void()> end;                    // nothing more comes; once, not after `stop`
        std::function<void(bool)> blocked;            // see ChannelOwner
        std::function<void(bool mute)> hung_up;       // see ChannelOwner; not after `finish_input`, `drain` or `stop`
    };
    ChannelIo(event::Loop& loop, Handlers handlers);
    ChannelIo(const ChannelIo&) = delete;
    ChannelIo& operator=(const ChannelIo&) = delete;
    ~ChannelIo() = default;

    [[nodiscard]] Result<void> open_pipes();
    // `gift` goes to the worker with the first bytes, for those that take descriptors; none if invalid.
    [[nodiscard]] Result<void> open_socketpair(UniqueFd gift);
    [[nodiscard]] const WorkerChannel::ChildEnds& child_ends() const noexcept { return ends_; }
    [[nodiscard]] Result<void> started();

    // Where bytes to the worker are appended, followed by `sent`. No handler is called from within.
    [[nodiscard]] std::string& to_send() noexcept { return pending_; }
    void sent();
    // Writes it now, unless the worker takes nothing or is being read: then that is done at the end.
    void flush_sent();
    [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return total_ + (pending_.size() - written_); }
    [[nodiscard]] std::uint64_t taken_bytes() const noexcept { return total_ - unread_; }
    // Closes the worker's input once all was taken; nothing may be sent after it.
    void finish_input();

    // Reads what is there now, bounded, then calls `end` and reads no more. For a worker that has ended.
    void drain();
    // Nothing is read or written any more.
    void stop();

private:
    // What the writing end is at.
    enum class Output : std::uint8_t { open, finishing, closed };

    void on_readable();
    // Reads once into `bytes`; how many came, 0 where there is nothing now or nothing more.
    std::size_t read_some();
    void end_of_input();
    void on_writable(std::uint32_t events);
    void flush();
    // The worker reads no more.
    void lose_output();
    // As much as is taken now, bounded; closes the output where nobody reads.
    void write_some();
    // write(2), with the gift where it was not given yet.
    ssize_t write_once(const char* bytes, std::size_t size);
    void forget_written();
    void set_blocked(bool blocked);
    void close_output();

    event::Loop& loop_;
    Handlers handlers_;
    WorkerChannel::ChildEnds ends_;
    UniqueFd child_in_, child_out_;  // until started; of a socketpair only the first
    UniqueFd input_, output_;        // ours
    UniqueFd gift_;                  // until it was given
    event::Source readable_, writable_, turn_end_;
    std::string pending_;
    std::size_t written_ = 0;   // of `pending_`
    std::uint64_t total_ = 0;   // written ever
    std::uint64_t unread_ = 0;  // of it, when the worker closed its input
    bool pipes_ = false;
    Output state_ = Output::open;
    bool reading_ = false;
    bool blocked_ = false;
};

}  // namespace pinion::daemon
