// SPDX-License-Identifier: Apache-2.0
// The channel of `protocol: frames`, on a socketpair; and of `exec`, where our own runner is the worker, each job's
// input comes with the job's id, and an error tells how the process ended.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <utility>

#include "daemon/jobs/channel_io.h"
#include "daemon/jobs/channel_parts.h"
#include "model/death.h"
#include "model/job_limits.h"
#include "wire/answer_parts.h"
#include "wire/frames.h"
#include "wire/held_answers.h"
#include "wire/job_messages.h"
#include "wire/json_scan.h"
#include "wire/limits.h"

namespace pinion::daemon {
namespace {

using wire::FrameCodec;
using wire::FrameHeader;
using wire::MessageType;

// How a process that was one attempt ended, as our runner tells it; nothing where it did not come that far.
std::optional<Death> death_in(const wire::Json& error) {
    Death death;
    if (const auto* number = error.find("signal")) {
        death.cause = Death::Cause::signaled;
        death.status = static_cast<int>(number->as_int().value_or(0));
    } else if (const auto* code = error.find("exit")) {
        death.status = static_cast<int>(code->as_int().value_or(1));
    } else {
        return std::nullopt;
    }
    const auto is_set = [&](const char* name) {
        const auto* member = error.find(name);
        return member != nullptr && member->as_bool().value_or(false);
    };
    death.core_dumped = is_set("core");
    death.oom_killed = is_set("oom");
    if (const auto* peak = error.find("peak_memory_bytes")) death.peak_memory_bytes = peak->as_uint().value_or(0);
    if (const auto* cpu = error.find("cpu_usec")) death.cpu_user = Duration(cpu->as_int().value_or(0));
    return death;
}

// Of a fixed size, so that nobody is hit who reads beyond what a worker left of it.
Result<UniqueFd> make_held_memory() {
    UniqueFd memory(::memfd_create("pinion-answers", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory) return fail_last("make a worker's memory");
    if (::ftruncate(memory.fd(), wire::held_memory_bytes) < 0) return fail_last("size a worker's memory");
    if (::fcntl(memory.fd(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return fail_last("seal a worker's memory");
    return memory;
}

std::uint32_t remaining_ms(std::optional<Duration> remaining) {
    if (!remaining) return 0;
    // 0 would mean that there is no deadline.
    return static_cast<std::uint32_t>(std::clamp<Duration::rep>(remaining->count() / 1000, 1, UINT32_MAX));
}

class FramesChannel final : public WorkerChannel {
public:
    FramesChannel(event::Loop& loop, const JobPoolSpec& spec, ChannelOwner& owner)
        : owner_(owner),
          exec_(spec.protocol == JobProtocol::exec),
          raw_(spec.payload == PayloadKind::raw),
          io_(loop, {.bytes = [this](std::string_view bytes) { read(bytes); },
                     .end = [] {},
                     .blocked = [this](bool blocked) { owner_.blocked(blocked); },
                     .hung_up = [this](bool mute) { owner_.hung_up(mute); }}) {}

    [[nodiscard]] Result<void> open() {
        if (exec_) return io_.open_socketpair({});
        PINION_TRY(memory, make_held_memory());
        UniqueFd gift(::fcntl(memory.fd(), F_DUPFD_CLOEXEC, 0));
        if (!gift) return fail_last("duplicate a worker's memory");
        held_ = std::move(memory);
        return io_.open_socketpair(std::move(gift));
    }
    [[nodiscard]] ChildEnds child_ends() const override { return io_.child_ends(); }
    [[nodiscard]] Result<void> started() override { return io_.started(); }
    [[nodiscard]] std::uint64_t sent_bytes() const override { return io_.sent_bytes(); }
    [[nodiscard]] std::uint64_t taken_bytes() const override { return io_.taken_bytes(); }
    void drain() override {
        io_.drain();
        if (held_ && !broken_) read_held();
        held_.reset();
    }
    void finish_input() override { io_.finish_input(); }

    void flush() override { io_.flush_sent(); }
    void send(const JobToSend& job) override {
        unanswered_.sent(job.attempt);
        FrameHeader header{.type = static_cast<std::uint8_t>(MessageType::job),
                           .codec = raw_ ? FrameCodec::raw : FrameCodec::json,
                           .flags = static_cast<std::uint16_t>(std::min<std::uint32_t>(job.number, UINT16_MAX)),
                           .id = job.attempt.value,
                           .remaining_ms = remaining_ms(job.remaining)};
        if (exec_) {
            header.codec = FrameCodec::body;
            const std::string_view input[] = {job.payload};
            wire::append_frame(io_.to_send(), header,
                               wire::encode_body(wire::Json::object().set("job", job.job.value), input));
        } else {
            wire::append_frame(io_.to_send(), header, job.payload);
        }
        io_.sent();
    }

private:
    // The pushes of an attempt, until its result comes.
    struct Pushes {
        std::vector<ChannelPush> pushes;
        std::size_t bytes = 0;
        std::string refusal;  // why they can't be had; they then fail their attempt
    };

    void read(std::string_view bytes) {
        if (broken_) return;
        received_ += bytes.size();
        const auto fed = frames_.feed(bytes, [this](const FrameHeader& header, std::string_view payload) {
            if (broken_) return;
            take(header, payload);
        });
        if (!fed && !broken_) break_off(fed.error().message);
    }

    // What the worker had answered and not sent when it ended: its stream goes on there.
    void read_held() {
        std::string memory(wire::held_memory_bytes, '\0');
        const ssize_t size = ::pread(held_.fd(), memory.data(), memory.size(), 0);
        if (size <= 0) return;
        memory.resize(static_cast<std::size_t>(size));
        if (const auto rest = wire::not_received(memory, received_); !rest.empty()) read(rest);
    }

    void take(const FrameHeader& header, std::string_view payload) {
        const auto type = wire::check_frame(header, wire::Sender::worker);
        if (!type) return break_off(type.error().message);
        const AttemptId attempt{header.id};
        if (!unanswered_.contains(attempt)) {
            owner_.stray("a frame for attempt " + std::to_string(header.id) + ", which it does not have", true);
            return;
        }
        switch (*type) {
            case MessageType::result: return take_result(attempt, header.codec, payload);
            case MessageType::error: return take_error(attempt, payload);
            case MessageType::progress: return take_progress(attempt, payload);
            default: return take_push(attempt, payload);
        }
    }

    void take_result(AttemptId attempt, FrameCodec codec, std::string_view result) {
        unanswered_.answered(attempt);
        Pushes brought;
        if (auto node = pushes_.extract(attempt)) brought = std::move(node.mapped());
        if (!brought.refusal.empty()) return owner_.answered(refused_answer(attempt, "protocol", brought.refusal));
        if (!raw_ && codec != FrameCodec::json)
            return owner_.answered(refused_answer(attempt, "protocol", "its result is raw in a pool of JSON"));
        auto answer = result_answer(attempt, result);
        if (answer.verdict.outcome != jobs::Outcome::done) return owner_.answered(std::move(answer));
        if (!raw_ && !wire::is_json(result))
            return owner_.answered(refused_answer(attempt, "protocol", "its result is not JSON"));
        answer.pushes = std::move(brought.pushes);
        owner_.answered(std::move(answer));
    }

    void take_error(AttemptId attempt, std::string_view payload) {
        unanswered_.answered(attempt);
        pushes_.erase(attempt);
        const auto error = wire::parse_error(attempt.value, payload);
        ChannelAnswer answer{.attempt = attempt,
                             .verdict = {.outcome = jobs::Outcome::error, .retry = error.retry, .after = error.after},
                             .result = {},
                             .error = error_json(error.type, error.message),
                             .pushes = {}};
        if (exec_) {
            const auto value = wire::Json::parse(payload);
            answer.death = value ? death_in(*value) : std::nullopt;
            if (answer.death) answer.verdict = jobs::judge_exit(*answer.death);
        }
        owner_.answered(std::move(answer));
    }

    void take_progress(AttemptId attempt, std::string_view payload) {
        const auto progress = wire::parse_progress(attempt.value, payload);
        owner_.progressed(attempt, progress.fraction, progress.note);
    }

    void take_push(AttemptId attempt, std::string_view payload) {
        Pushes& held = pushes_[attempt];
        if (!held.refusal.empty()) return;
        held.refusal = add_pushes(held, payload);
        if (!held.refusal.empty()) std::vector<ChannelPush>().swap(held.pushes);
    }

    // Empty, or why not.
    std::string add_pushes(Pushes& held, std::string_view payload) const {
        const auto body = wire::decode_body(payload);
        if (!body) return "its push can't be read: " + body.error().message;
        const auto push = wire::parse_push(body->head);
        if (!push) return "its push names no pool, or is malformed";
        held.bytes += payload.size();
        if (held.pushes.size() + body->items.size() > wire::limits::max_pushes)
            return "it pushes more than " + std::to_string(wire::limits::max_pushes) + " jobs";
        if (held.bytes > wire::limits::max_answer_bytes)
            return "it pushes more than " + std::to_string(wire::limits::max_answer_bytes) + " bytes";
        for (const std::string_view input : body->items) {
            if (!raw_ && !wire::is_json(input)) return "the input of a job that it pushes is not JSON";
            held.pushes.push_back({push->pool, std::string(input), push->priority, push->delay});
        }
        return {};
    }

    void break_off(std::string reason) {
        broken_ = true;
        io_.stop();
        owner_.broken(std::move(reason));
    }

    ChannelOwner& owner_;
    const bool exec_;
    const bool raw_;
    ChannelIo io_;
    wire::FrameReader frames_{wire::limits::max_answer_bytes};
    Unanswered unanswered_;
    std::map<AttemptId, Pushes> pushes_;
    UniqueFd held_;               // see wire/held_answers.h
    std::uint64_t received_ = 0;  // bytes of the worker's stream
    bool broken_ = false;
};

}  // namespace

Result<std::unique_ptr<WorkerChannel>> open_frames(event::Loop& loop, const JobPoolSpec& spec, ChannelOwner& owner) {
    auto channel = std::make_unique<FramesChannel>(loop, spec, owner);
    PINION_CHECK(channel->open());
    return channel;
}

}  // namespace pinion::daemon
