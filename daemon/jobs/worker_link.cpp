// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/worker_link.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "daemon/jobs/job_host.h"

namespace pinion::daemon {
namespace {

constexpr Duration patience = std::chrono::seconds(1);  // with a worker that hung up and lives on
constexpr std::size_t longest_note = 400;

}  // namespace

Result<void> WorkerLink::open(event::Loop& loop, const supervise::SpecPtr& spec) {
    PINION_TRY(opened, open_channel(loop, *spec->jobs, *this));
    channel_ = std::move(opened);
    is_exec_ = spec->jobs->protocol == JobProtocol::exec;
    return {};
}

void WorkerLink::send(const JobToSend& job, MonotonicTime now) {
    channel_->send(job);
    sent_.push_back({job.attempt, job.job, job.number, now, channel_->sent_bytes()});
}

const WorkerLink::Sent* WorkerLink::find_sent(AttemptId attempt) const {
    const auto found = std::ranges::find(sent_, attempt, &Sent::attempt);
    return found == sent_.end() ? nullptr : &*found;
}

const WorkerLink::Sent* WorkerLink::find_job(JobId job) const {
    const auto found = std::ranges::find(sent_, job, &Sent::job);
    return found == sent_.end() ? nullptr : &*found;
}

const WorkerLink::Progress* WorkerLink::progress(AttemptId attempt) const {
    const auto found = progress_.find(attempt);
    return found == progress_.end() ? nullptr : &found->second;
}

void WorkerLink::wrote(AttemptId attempt, std::string_view line) {
    if (!is_exec_) return;  // others' lines are kept of a life
    if (std::exchange(writer_, attempt) != attempt) last_lines_ = {};
    last_lines_.add({.at = {}, .text = std::string(line)});
}

std::vector<std::string> WorkerLink::last_lines(AttemptId attempt) const {
    std::vector<std::string> texts;
    if (attempt != writer_) return texts;
    for (const KeptLine& line : last_lines_.lines()) texts.push_back(line.text);
    return texts;
}

std::optional<WorkerLink::Sent> WorkerLink::take_sent(AttemptId attempt) {
    const auto found = std::ranges::find(sent_, attempt, &Sent::attempt);
    if (found == sent_.end()) return std::nullopt;
    const Sent sent = *found;
    sent_.erase(found);
    if (!progress_.empty()) progress_.erase(attempt);
    if (out_of_patience_) judge();
    return sent;
}

void WorkerLink::answered(ChannelAnswer answer) { host_.answered(*this, std::move(answer)); }

void WorkerLink::progressed(AttemptId attempt, std::optional<double> fraction, std::string_view note) {
    const Sent* sent = find_sent(attempt);
    if (sent == nullptr) return;
    Progress& told = progress_[attempt];
    if (fraction) told.fraction = fraction;
    if (!note.empty()) told.note = printable(note, longest_note);
    host_.progressed(*sent, fraction, note);
}

void WorkerLink::stray(std::string_view line, bool whole) {
    host_.strayed(*this, whole ? std::string(line) : std::string(line) + "…");
}

void WorkerLink::blocked(bool blocked) {
    if (arrived && !is_leaving) host_.post(jobs::WorkerBlocked{ref_, blocked});
}

void WorkerLink::broken(std::string reason) { host_.broke(*this, reason); }

// Most that hang up are at their end; those that are not are to be noticed all the same.
void WorkerLink::hung_up(bool mute) {
    blocked(true);
    mute_ = mute_ || mute;
    if (out_of_patience_) return judge();
    if (patience_.valid()) return;
    auto timer = host_.loop_.add_timer(event::Priority::timer, [this] {
        out_of_patience_ = true;
        judge();
    });
    if (!timer) return;
    patience_ = std::move(*timer);
    patience_.arm(host_.loop_.now() + patience);
}

void WorkerLink::judge() {
    if (ended || is_leaving || unwanted) return;
    if (mute_) return host_.broke(*this, "it closed its output and lives on: it can answer no job");
    if (sent_.empty()) return host_.broke(*this, "it closed its input and lives on: it can take no job");
    if (sent_.front().end > channel_->taken_bytes())
        host_.broke(*this, "it closed its input and lives on, and has not read the job that is next");
}

}  // namespace pinion::daemon
