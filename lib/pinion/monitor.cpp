// SPDX-License-Identifier: Apache-2.0
#include "pinion/monitor.h"

#include <cerrno>
#include <system_error>

namespace pinion::inline v0 {
namespace {

void check(int error, const char* what) {
    if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

void init_robust_mutex(pthread_mutex_t& mutex, bool recursive) {
    pthread_mutexattr_t attributes;
    check(::pthread_mutexattr_init(&attributes), "make a lock");
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    // Locking twice by mistake is an error rather than a hang.
    ::pthread_mutexattr_settype(&attributes, recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_ERRORCHECK);
    const int error = ::pthread_mutex_init(&mutex, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
    check(error, "make a lock");
}

Monitor::Monitor(MonitorState& state) : state_(state) { lock(); }

Monitor::~Monitor() { ::pthread_mutex_unlock(&state_.mutex); }

void Monitor::lock() {
    const int error = ::pthread_mutex_lock(&state_.mutex);
    predecessor_died_ = error == EOWNERDEAD;
    if (predecessor_died_)
        ::pthread_mutex_consistent(&state_.mutex);
    else
        check(error, "lock");
}

bool Monitor::sleep(const Deadline& deadline) {
    const std::uint32_t seen = state_.changes.load(std::memory_order_relaxed);
    ++state_.sleepers;
    ::pthread_mutex_unlock(&state_.mutex);
    const bool late = futex_wait(state_.changes, seen, deadline);
    lock();
    --state_.sleepers;
    return !late;
}

void Monitor::wake_all() noexcept {
    if (state_.sleepers == 0) return;
    state_.changes.fetch_add(1, std::memory_order_relaxed);
    futex_wake_all(state_.changes);
}

}  // namespace pinion::inline v0
