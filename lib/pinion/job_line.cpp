// SPDX-License-Identifier: Apache-2.0
#include "job_line.h"

#include <signal.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace pinion::inline v0 {
namespace {

constexpr std::size_t most_held = 64 << 10;

}  // namespace

Job::Line::Line(UniqueFd socket) : socket_(std::move(socket)) {
    // Signals are for the program's own threads.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    watcher_ = std::thread([this] { watch(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Job::Line::~Line() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake_.notify_one();
    watcher_.join();
}

void Job::Line::add(Type type, wire::FrameCodec codec, std::uint64_t id, std::string_view payload) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        if (held_.empty()) since_ = Clock::now();
        wire::append_frame(held_, {.type = type, .codec = codec, .id = id}, payload);
        if (held_.size() >= most_held) send_held();
        wake = !held_.empty() && std::exchange(sleeping_, false);
    }
    if (wake) wake_.notify_one();
}

bool Job::Line::flush() {
    const std::lock_guard lock(mutex_);
    const int error = send_held();
    if (error == EPIPE || error == ECONNRESET) return false;
    if (error != 0) throw std::system_error(error, std::generic_category(), "job worker: answer the daemon");
    return true;
}

int Job::Line::send_held() {
    std::string_view rest = held_;
    while (error_ == 0 && !rest.empty()) {
        const ssize_t n = ::send(socket_.fd(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (n >= 0) rest.remove_prefix(static_cast<std::size_t>(n));
        // After half a frame nothing that followed would be understood: the error stays.
        if (n < 0 && errno != EINTR) error_ = errno;
    }
    held_.clear();
    if (held_.capacity() > 2 * most_held) std::string().swap(held_);
    return error_;
}

void Job::Line::watch() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
        if (held_.empty()) {
            sleeping_ = true;
            wake_.wait(lock, [this] { return ending_ || !held_.empty(); });
            sleeping_ = false;
            continue;
        }
        const auto due = since_ + longest_hold;
        if (Clock::now() >= due)
            send_held();
        else
            wake_.wait_until(lock, due, [this] { return ending_; });
    }
}

}  // namespace pinion::inline v0
