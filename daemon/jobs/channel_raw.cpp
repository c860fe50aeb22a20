// SPDX-License-Identifier: Apache-2.0
// The channel of `protocol: lines` with `payload: raw`: a line of text in, a line of text out, in order. That holds
// only as long as each job has one line: a surplus one breaks the channel.
#include <utility>
#include <vector>

#include "daemon/jobs/channel_io.h"
#include "daemon/jobs/channel_parts.h"
#include "wire/limits.h"
#include "wire/lines.h"

namespace pinion::daemon {
namespace {

class RawChannel final : public WorkerChannel {
public:
    RawChannel(event::Loop& loop, ChannelOwner& owner)
        : loop_(loop),
          owner_(owner),
          io_(loop, {.bytes = [this](std::string_view bytes) { read(bytes); },
                     .end = [this] { end(); },
                     .blocked = [this](bool blocked) { owner_.blocked(blocked); }}) {}

    [[nodiscard]] Result<void> open() { return io_.open_pipes(); }
    [[nodiscard]] ChildEnds child_ends() const override { return io_.child_ends(); }
    [[nodiscard]] Result<void> started() override { return io_.started(); }
    void drain() override { io_.drain(); }
    void finish_input() override { io_.finish_input(); }

    // A payload of more than one line has no place here: it is answered for, and its worker never sees it.
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

    void read(std::string_view bytes) {
        lines_.feed(bytes, [this](std::string_view line, bool whole) { take(line, whole); });
    }

    void end() {
        if (broken_) return;
        lines_.finish([this](std::string_view line, bool) { stray(line, false); });
    }

    void take(std::string_view line, bool whole) {
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

    void stray(std::string_view line, bool whole) {
        owner_.stray(line.substr(0, wire::limits::max_stray_bytes),
                     whole && line.size() <= wire::limits::max_stray_bytes);
    }

    event::Loop& loop_;
    ChannelOwner& owner_;
    ChannelIo io_;
    wire::LineReader lines_{wire::limits::max_payload_bytes};
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
