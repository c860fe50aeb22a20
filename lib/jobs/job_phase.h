// SPDX-License-Identifier: Apache-2.0
// One job's way through the scheduler.
//
//                   due            pulled: first attempt
//     delayed -------------> ready ------------------------------> sent
//        ^  '-- retry --.    ^ | |                                 ^ |
//        |   (delay 0)  '----' | |  pulled: a later attempt        | | it is one of its worker's
//        |                     | '---------> claiming -------------' | `concurrency` oldest
//        |                     |   ^            |  claim persisted   v
//        |                     |   '------------+------------- running -----. timeout, cancel:
//        |                     |      its worker is gone, and            |  | KillTree
//        | retry               |      it is not to blame                 |  v
//        +---------------------|-----------------------------------------+ ending
//        |                     | cancel (claiming and sent, too)         |  |
//        |                     v            answered, or its worker is   |  | its worker is gone
//        |                 finishing <-----------------------------------'--+
//        |                     | persisted                                  |
//        '---------------------|--------------------------------------------'
//                              v
//                             none
//
//  - delayed: not before a time. ready: in its lane. claiming: chosen for a worker; its claim is on its way to the
//  disk.
//    sent: written to a worker, behind others. running: the worker executes it; only now it is timed and charged.
//    ending: its worker's tree is being killed for its sake. finishing: at its end, on its way to the disk.
//  - A job that was sent and is cancelled leaves a gap in its worker's list; the worker is killed if it gets that far.
//  - To people claiming and sent are `queued`, ending is `running`, finishing is what it will be.
// docs/state-machines.md holds the table, printed by a test.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "jobs/outcome.h"

namespace pinion::jobs {

enum class JobPhase : std::uint8_t { none, delayed, ready, claiming, sent, running, ending, finishing };
inline constexpr std::size_t job_phases = 8;
[[nodiscard]] const char* to_string(JobPhase phase) noexcept;
// The product's word for it; of `finishing`, whose end is not told here, `running`.
[[nodiscard]] JobState visible(JobPhase phase) noexcept;

namespace detail {
constexpr std::uint16_t to(std::initializer_list<JobPhase> phases) {
    std::uint16_t bits = 0;
    for (const JobPhase phase : phases) bits = static_cast<std::uint16_t>(bits | 1U << static_cast<unsigned>(phase));
    return bits;
}
using enum JobPhase;
inline constexpr std::array<std::uint16_t, job_phases> moves{
    to({delayed, ready, finishing}),           // none
    to({ready, finishing}),                    // delayed; ready also when its map is cancelled
    to({claiming, sent, finishing}),           // ready
    to({sent, ready, finishing}),              // claiming
    to({running, ready, delayed, finishing}),  // sent; it may be answered out of order
    to({ending, ready, delayed, finishing}),   // running
    to({ready, delayed, finishing}),           // ending; ready after a timeout with no delay
    to({}),                                    // finishing: only removed
};
}  // namespace detail

[[nodiscard]] constexpr bool may_become(JobPhase from, JobPhase to) noexcept {
    return (detail::moves[static_cast<std::size_t>(from)] >> static_cast<unsigned>(to) & 1U) != 0;
}

}  // namespace pinion::jobs
