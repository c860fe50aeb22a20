// SPDX-License-Identifier: Apache-2.0
// Cancels: asked for by clients, carried out by the scheduler, answered when they are written.
#include <fmt/format.h>

#include <utility>

#include "daemon/jobs/job_host.h"
#include "jobs/store_memory.h"

namespace pinion::daemon {

using namespace jobs;

// On a disk that takes nothing any more nothing is begun: it would be undone by the next start.
void JobHost::cancel(JobId job, Done<JobState> done) {
    if (const auto why = is_in_memory(job) ? std::nullopt : stopped())
        return later([done = std::move(done), refusal = cancel_refusal(job, *why)]() mutable {
            done(std::unexpected(std::move(refusal)));
        });
    cancels_.add(job, std::move(done));
    post(CancelRequested{job});
}

void JobHost::cancel_map(MapId map, Done<bool> done) {
    if (const auto why = is_in_memory(map) || !done ? std::nullopt : stopped())
        return later([done = std::move(done), why = *why]() mutable {
            done(std::unexpected(Refusal{Refusal::Kind::refused, "cancel the map: " + why}));
        });
    if (done) cancels_.add(map, std::move(done));
    post(MapCancelRequested{map});
}

void JobHost::keep_cancel(const KeepCancel& cancelled) {
    const auto token = pending_.next_token++;
    cancels_.posted(cancelled.map, token);
    store_->post(WriteRequest{CancelMap{token, cancelled.map, cancelled.pool}});
}

// The scheduler does not have it, though it had no end when it was looked up.
void JobHost::cancel_absent(JobId job) {
    auto waiting = cancels_.take(job);
    if (waiting.empty()) return;
    look_up(job, [this, job, waiting = std::move(waiting)](const Answer<std::optional<StoredJob>>& found) mutable {
        const auto answer = [&]() -> Answer<JobState> {
            if (!found) return std::unexpected(found.error());
            if (*found && is_final((*found)->state)) return (*found)->state;
            if (*found && !find((*found)->pool))
                return std::unexpected(cancel_refusal(
                    job,
                    fmt::format("its pool '{0}' is not in the configuration, and its jobs wait for it in the store; "
                                "declare '{0}' again, then cancel the job",
                                (*found)->pool)));
            return std::unexpected(cancel_refusal(job, "it is not in its queue yet; try again"));
        };
        for (auto& done : waiting) done(answer());
    });
}

// Who asked for a cancel, a seal or a pause is not to wait for room on the disk.
void JobHost::tell_refused() {
    if (!store_ || store_->health().state == StoreHealth::State::open) return;
    cancels_.refuse_on_disk("it takes effect, but is not on disk, and a daemon that ends now forgets it: " +
                            no_store().message);
}

}  // namespace pinion::daemon
