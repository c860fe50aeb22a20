// SPDX-License-Identifier: Apache-2.0
#include "job_line.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "wire/held_answers.h"

namespace pinion::inline v0 {
namespace {

constexpr std::size_t most_held = 64 << 10;
static_assert(most_held < wire::held_room);

// A number of the memory's header, whole at any time, after all that was written before.
void store(char* at, std::uint64_t value) {
    static_assert(std::endian::native == std::endian::little);
    std::atomic_ref(*reinterpret_cast<std::uint64_t*>(at)).store(value, std::memory_order_release);
}

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
    if (memory_ != nullptr) ::munmap(memory_, wire::held_memory_bytes);
}

ssize_t Job::Line::read(char* bytes, std::size_t size) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec part{.iov_base = bytes, .iov_len = size};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t n = ::recvmsg(socket_.fd(), &message, MSG_CMSG_CLOEXEC);
    const cmsghdr* const header = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int))) return n;
    int given = -1;
    std::memcpy(&given, CMSG_DATA(header), sizeof given);
    take_memory(UniqueFd(given));
    return n;
}

// Without it all works but for the answers that a crash takes along.
void Job::Line::take_memory(UniqueFd memory) {
    struct stat facts{};
    if (memory_ != nullptr || ::fstat(memory.fd(), &facts) < 0) return;
    if (facts.st_size < static_cast<off_t>(wire::held_memory_bytes)) return;
    void* const mapped = ::mmap(nullptr, wire::held_memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd(), 0);
    const std::lock_guard lock(mutex_);
    if (mapped != MAP_FAILED) memory_ = static_cast<char*>(mapped);
}

void Job::Line::publish() {
    if (memory_ == nullptr || held_.size() > wire::held_room) return;
    char* const bytes = memory_ + wire::held_header_bytes;
    std::memcpy(bytes + published_, held_.data() + published_, held_.size() - published_);
    published_ = held_.size();
    // Counted when they are there: whoever reads finds us dead at any point.
    store(memory_ + 8, published_);
}

void Job::Line::add(Type type, wire::FrameCodec codec, std::uint64_t id, std::string_view payload) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        if (held_.empty()) since_ = Clock::now();
        wire::append_frame(held_, {.type = type, .codec = codec, .id = id}, payload);
        publish();
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
        if (n >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(n));
            sent_ += static_cast<std::uint64_t>(n);
        }
        // After half a frame nothing that followed would be understood: the error stays.
        if (n < 0 && errno != EINTR) error_ = errno;
    }
    if (memory_ != nullptr && error_ == 0) {
        store(memory_ + 8, 0);
        store(memory_, sent_);
    }
    published_ = 0;
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
