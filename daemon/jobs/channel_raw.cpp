// SPDX-License-Identifier: Apache-2.0
// The channel of `protocol: lines` with `payload: raw`: a line of text in, a line of text out, in order. That holds
// only as long as each job has one line: a surplus one breaks the channel.
#include <utility>
#include <vector>

#include "daemon/jobs/channel_parts.h"
#include "daemon/jobs/line_channel.h"
#include "wire/limits.h"
#include "wire/lines.h"

namespace pinion::daemon {
namespace {

class RawChannel final : public LineChannel {
public:
    RawChannel(event::Loop& loop, ChannelOwner& owner)
        : LineChannel(loop, owner, wire::limits::max_payload_bytes), loop_(loop) {}

    // A payload of more than one line has no place here: it is answered for, and its worker never sees it.
    void flush() override { io_.flush_sent(); }
    void send(const JobToSend& job) override {
        if (!wire::fits_raw_line(job.payload)) return refuse(job.attempt);
        order_.sent(job.attempt.value);
        io_.to_send() += job.payload;
        io_.to_send() += '\n';
        io_.sent();
    }

private:
    // In a turn of its own, since no answer comes from within `send`.
    void refuse(AttemptId attempt) {
        refused_.push_back(attempt);
        if (refusal_.valid()) return refusal_.enable(true);
        if (auto made = loop_.add_deferred(event::Priority::commands, [this] { answer_refused(); }))
            refusal_ = std::move(*made);
    }

    void answer_refused() {
        for (const AttemptId attempt : std::exchange(refused_, {}))
            owner_.answered(refused_answer(attempt, "input", "its input has more than one line"));
    }

    void take(std::string_view line, bool whole) override {
        if (broken_) return;
        const auto id = order_.answered();
        if (!id) {
            stray(line, whole);
            return break_off();
        }
        const AttemptId attempt{*id};
        owner_.answered(whole ? result_answer(attempt, line) : too_large_answer(attempt));
    }

    void break_off() {
        broken_ = true;
        io_.stop();
        owner_.broken("it wrote a line that answers no job, so that no line after it could be trusted");
    }

    event::Loop& loop_;
    wire::RawOrder order_;
    std::vector<AttemptId> refused_;
    event::Source refusal_;
    bool broken_ = false;
};

}  // namespace

Result<std::unique_ptr<WorkerChannel>> open_raw_lines(event::Loop& loop, ChannelOwner& owner) {
    auto channel = std::make_unique<RawChannel>(loop, owner);
    PINION_CHECK(channel->open());
    return channel;
}

}  // namespace pinion::daemon
