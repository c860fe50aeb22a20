// SPDX-License-Identifier: Apache-2.0
#include "daemon/exec_runner/runner.h"

#include <sys/socket.h>

#include <cerrno>

#include "daemon/exec_runner/launch.h"
#include "daemon/exec_runner/verdict.h"
#include "wire/job_messages.h"

namespace pinion::exec_runner {

Runner::Runner(UniqueFd socket, RunnerOptions options, const char* const* environment)
    : socket_(std::move(socket)),
      payload_(options.payload),
      command_(options.command, options.payload),
      environment_(inherited_environment(environment)) {}

Result<void> Runner::run() {
    for (;;) {
        PINION_TRY(there, next_job());
        if (!there) return {};
        const Job job = std::move(jobs_.front());
        jobs_.pop_front();
        const std::string answer = execute(job);
        if (!answer.empty()) PINION_CHECK(send(answer));
    }
}

Result<bool> Runner::next_job() {
    while (!Signals::terminated()) {
        pollfd fd{.fd = socket_.fd(), .events = POLLIN, .revents = 0};
        // Also where a job is waiting: this is where a SIGTERM is heard.
        const bool at_once = at_end_ || !jobs_.empty();
        if (!signals_.wait({&fd, at_end_ ? 0U : 1U}, at_once ? 0 : -1)) return fail_last("wait for a job");
        if (Signals::terminated()) break;
        if (fd.revents != 0) PINION_CHECK(read_frames());
        if (!jobs_.empty()) return true;
        if (at_end_) break;
    }
    return false;
}

Result<void> Runner::read_frames() {
    char buffer[read_size];
    const ssize_t n = ::recv(socket_.fd(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (n < 0 && errno != ECONNRESET) return fail_last("read from the daemon");
    if (n <= 0) {
        at_end_ = true;
        return {};
    }
    Result<void> taken;
    const auto fed = frames_.feed({buffer, static_cast<std::size_t>(n)},
                                  [&](const wire::FrameHeader& header, std::string_view payload) {
                                      if (taken) taken = take(header, payload);
                                  });
    PINION_CHECK(fed);
    return taken;
}

Result<void> Runner::take(const wire::FrameHeader& header, std::string_view payload) {
    PINION_TRY(type, wire::check_frame(header, wire::Sender::daemon));
    if (type != wire::MessageType::job || header.codec != wire::FrameCodec::body)
        return fail("read from the daemon: a frame that is no job for a runner");
    PINION_TRY(body, wire::decode_body(payload));
    const wire::Json* id = body.head.find("job");
    if (id == nullptr || !id->as_uint() || body.items.size() != 1)
        return fail("read from the daemon: a job without its id or its input");
    Job job{.attempt_id = header.id,
            .job = *id->as_uint(),
            .attempt = header.flags,
            .deadline = {},
            .input = std::string(body.items.front())};
    if (header.remaining_ms != 0) job.deadline = wall_now() + std::chrono::milliseconds(header.remaining_ms);
    jobs_.push_back(std::move(job));
    return {};
}

std::string Runner::execute(const Job& job) {
    auto arguments = command_.arguments(job.input);
    if (!arguments) return refusal_frame(job, arguments.error().message);
    const std::string program = arguments->front();
    const auto file = look_up(program);
    if (!file) return answer_frame(job, {.start_error = file.error()}, payload_, program);
    ProcessPlan plan{.file = *file,
                     .argv = std::move(*arguments),
                     .env = job_environment(job),
                     .input = command_.takes_input() ? std::string_view() : std::string_view(job.input),
                     .max_output = wire::limits::max_payload_bytes};
    plan.env.insert(plan.env.end(), environment_.begin(), environment_.end());
    Ending ending = JobProcess(signals_, oom_, beyond_reach_).run(plan);
    if (ending.start_error != 0) file_.clear();  // it may have moved
    // A process that dies of the SIGTERM that was meant for us has not failed: its job goes back to the queue with us.
    const bool stopped = ending.start_error == 0 && ending.death.cause == Death::Cause::signaled;
    if (stopped && Signals::terminated() && !ending.too_large) return {};
    return answer_frame(job, std::move(ending), payload_, program);
}

std::expected<std::string, int> Runner::look_up(const std::string& program) {
    if (program == program_ && !file_.empty()) return file_;
    auto found = find_program(program, search_path(environment_));
    if (found) {
        program_ = program;
        file_ = *found;
    }
    return found;
}

Result<void> Runner::send(std::string_view frame) {
    while (!frame.empty()) {
        const ssize_t n = ::send(socket_.fd(), frame.data(), frame.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_last("answer the daemon");
        frame.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

}  // namespace pinion::exec_runner
