// SPDX-License-Identifier: Apache-2.0
// The channel of `protocol: lines` with JSON: a job a line on the worker's standard input, an answer a line on its
// standard output. Whatever else it prints is text for the log.
#include "daemon/jobs/channel_parts.h"
#include "daemon/jobs/line_channel.h"
#include "wire/answer_parts.h"
#include "wire/limits.h"
#include "wire/lines.h"

namespace pinion::daemon {
namespace {

template <class... F>
struct Overloaded : F... {
    using F::operator()...;
};

class LinesChannel final : public LineChannel {
public:
    LinesChannel(event::Loop& loop, ChannelOwner& owner) : LineChannel(loop, owner, wire::limits::max_answer_bytes) {}

    void flush() override { io_.flush_sent(); }
    void send(const JobToSend& job) override {
        unanswered_.sent(job.attempt);
        wire::append_job_line(
            io_.to_send(),
            {.id = job.attempt.value, .input = job.payload, .attempt = job.number, .remaining = job.remaining});
        io_.sent();
    }

private:
    void take(std::string_view line, bool whole) override {
        if (!whole) return take_overlong(line);
        auto answer = wire::parse_worker_line(line);
        const bool known =
            std::visit(Overloaded{[&](wire::LineResult& result) { return take_result(std::move(result)); },
                                  [&](wire::LineError& error) { return take_error(error); },
                                  [&](wire::LineProgress& progress) { return take_progress(progress); },
                                  [](const wire::LineStray&) { return false; }},
                       answer);
        if (!known) stray(line, true);
    }

    bool take_result(wire::LineResult result) {
        const AttemptId attempt{result.id};
        if (!unanswered_.answered(attempt)) return false;
        auto answer = result_answer(attempt, result.value);
        if (answer.verdict.outcome == jobs::Outcome::done) {
            for (wire::LinePush& push : result.pushes)
                answer.pushes.push_back({std::move(push.pool), std::move(push.input), push.priority, push.delay});
        }
        owner_.answered(std::move(answer));
        return true;
    }

    bool take_error(const wire::LineError& error) {
        const AttemptId attempt{error.id};
        if (!unanswered_.answered(attempt)) return false;
        owner_.answered({.attempt = attempt,
                         .verdict = {.outcome = jobs::Outcome::error, .retry = error.retry, .after = error.after},
                         .result = {},
                         .error = error_json(error.type, error.message),
                         .pushes = {}});
        return true;
    }

    bool take_progress(const wire::LineProgress& progress) {
        const AttemptId attempt{progress.id};
        if (!unanswered_.contains(attempt)) return false;
        owner_.progressed(attempt, progress.fraction, progress.note);
        return true;
    }

    // A line too long to be read to its end. One that begins as an answer is one: its worker would wait for nothing.
    void take_overlong(std::string_view line) {
        const auto id = wire::leading_id(line);
        if (id && unanswered_.answered(AttemptId{*id})) return owner_.answered(too_large_answer(AttemptId{*id}));
        stray(line, false);
    }

    Unanswered unanswered_;
};

}  // namespace

Result<std::unique_ptr<WorkerChannel>> open_lines(event::Loop& loop, ChannelOwner& owner) {
    auto channel = std::make_unique<LinesChannel>(loop, owner);
    PINION_CHECK(channel->open());
    return channel;
}

}  // namespace pinion::daemon
