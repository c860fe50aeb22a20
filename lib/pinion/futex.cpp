// SPDX-License-Identifier: Apache-2.0
#include "pinion/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace pinion::inline v0 {
namespace {

constexpr long second = 1'000'000'000;

}  // namespace

Deadline deadline_of(Timeout timeout) noexcept {
    if (timeout.is_forever()) return std::nullopt;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const long left = timeout.span().count() > 0 ? timeout.span().count() : 0;
    now.tv_sec += left / second;
    now.tv_nsec += left % second;
    if (now.tv_nsec >= second) {
        now.tv_nsec -= second;
        ++now.tv_sec;
    }
    return now;
}

// With a bit set the time is absolute.
bool futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, const Deadline& deadline) noexcept {
    const long result = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, deadline ? &*deadline : nullptr,
                                  nullptr, FUTEX_BITSET_MATCH_ANY);
    return result < 0 && errno == ETIMEDOUT;
}

void futex_wake(std::atomic<std::uint32_t>& word, int waiters) noexcept {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, waiters, nullptr, nullptr, 0);
}

void futex_wake_all(std::atomic<std::uint32_t>& word) noexcept { futex_wake(word, INT_MAX); }

}  // namespace pinion::inline v0
