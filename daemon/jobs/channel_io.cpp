// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/channel_io.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pinion::daemon {
namespace {

constexpr std::size_t read_size = 64 << 10;      // all that a pipe holds by default
constexpr std::size_t read_budget = 256 << 10;   // a turn
constexpr std::size_t drain_budget = 4 << 20;    // more than any pipe or socket holds: only a writer that lives on adds
constexpr std::size_t write_budget = 1 << 20;    // a turn
constexpr std::size_t kept_capacity = 64 << 10;  // a larger buffer is given back when it is empty
constexpr std::size_t compact_above = 256 << 10;  // written bytes at the front of the buffer

Result<void> make_non_blocking(const UniqueFd& fd) {
    // Of our end only: the flag belongs to the open file, and the child's end is another.
    if (::fcntl(fd.fd(), F_SETFL, O_NONBLOCK) < 0) return fail_last("make a worker's channel non-blocking");
    return {};
}

}  // namespace

ChannelIo::ChannelIo(event::Loop& loop, Handlers handlers) : loop_(loop), handlers_(std::move(handlers)) {}

Result<void> ChannelIo::open_pipes() {
    PINION_TRY(in, make_pipe());
    PINION_TRY(out, make_pipe());
    PINION_CHECK(make_non_blocking(in.write));
    PINION_CHECK(make_non_blocking(out.read));
    child_in_ = std::move(in.read);
    child_out_ = std::move(out.write);
    output_ = std::move(in.write);
    input_ = std::move(out.read);
    ends_ = {.stdin_fd = child_in_.fd(), .stdout_fd = child_out_.fd(), .frames_fd = -1};
    pipes_ = true;
    return {};
}

Result<void> ChannelIo::open_socketpair(UniqueFd gift) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return fail_last("make a socketpair");
    input_ = UniqueFd(ends[0]);
    child_in_ = UniqueFd(ends[1]);
    PINION_CHECK(make_non_blocking(input_));
    // epoll takes a descriptor once: reading and writing are watched by one each.
    output_ = UniqueFd(::fcntl(input_.fd(), F_DUPFD_CLOEXEC, 0));
    if (!output_) return fail_last("duplicate a socket");
    gift_ = std::move(gift);
    ends_ = {.stdin_fd = -1, .stdout_fd = -1, .frames_fd = child_in_.fd()};
    return {};
}

Result<void> ChannelIo::started() {
    ends_ = {};
    child_in_.reset();
    child_out_.reset();
    PINION_TRY(readable,
               loop_.add_io(input_.fd(), EPOLLIN, event::Priority::output, [this](std::uint32_t) { on_readable(); }));
    // Room is asked for only while there is something to write; that the worker closed its input is told in any case.
    PINION_TRY(writable, loop_.add_io(output_.fd(), 0, event::Priority::output,
                                      [this](std::uint32_t events) { on_writable(events); }));
    PINION_TRY(turn_end, loop_.add_deferred(event::Priority::commands, [this] { flush(); }));
    readable_ = std::move(readable);
    writable_ = std::move(writable);
    turn_end_ = std::move(turn_end);
    return {};
}

void ChannelIo::sent() {
    if (state_ == Output::closed) return pending_.clear();
    if (!reading_ && !blocked_) turn_end_.enable(true);
}

void ChannelIo::flush_sent() {
    if (!reading_ && !blocked_ && written_ < pending_.size()) flush();
}

void ChannelIo::finish_input() {
    if (state_ != Output::open) return;
    state_ = Output::finishing;
    if (!reading_ && !blocked_) turn_end_.enable(true);
}

void ChannelIo::on_readable() {
    reading_ = true;
    for (std::size_t total = 0; total < read_budget && input_;) {
        const std::size_t some = read_some();
        total += some;
        if (some < read_size) break;
    }
    reading_ = false;
    flush();
}

std::size_t ChannelIo::read_some() {
    char buffer[read_size];
    ssize_t n = 0;
    do n = ::read(input_.fd(), buffer, sizeof buffer);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) return 0;
    if (n <= 0) {
        end_of_input();
        return 0;
    }
    handlers_.bytes({buffer, static_cast<std::size_t>(n)});
    return static_cast<std::size_t>(n);
}

void ChannelIo::end_of_input() {
    readable_ = {};
    input_.reset();
    handlers_.end();
    if (reading_) handlers_.hung_up(true);
}

void ChannelIo::on_writable(std::uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) lose_output();
    flush();
}

// An end that the worker's pidfd tells is no error here; until then it is to get no more jobs.
void ChannelIo::lose_output() {
    if (state_ == Output::closed) return;
    int unread = 0;
    if (pipes_ && ::ioctl(output_.fd(), FIONREAD, &unread) == 0) unread_ = static_cast<std::uint64_t>(unread);
    const bool was_open = state_ == Output::open;
    close_output();
    set_blocked(true);
    if (was_open) handlers_.hung_up(false);
}

void ChannelIo::flush() {
    if (state_ == Output::closed) return;
    write_some();
    if (state_ == Output::closed) return;
    const bool all = written_ == pending_.size();
    forget_written();
    if (all && state_ == Output::finishing) close_output();
    set_blocked(!all);
}

void ChannelIo::write_some() {
    for (std::size_t total = 0; written_ < pending_.size() && total < write_budget;) {
        const std::size_t size = std::min(pending_.size() - written_, write_budget);
        const ssize_t n = write_once(pending_.data() + written_, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) return lose_output();
        written_ += static_cast<std::size_t>(n);
        total_ += static_cast<std::uint64_t>(n);
        total += static_cast<std::size_t>(n);
    }
}

ssize_t ChannelIo::write_once(const char* bytes, std::size_t size) {
    if (!gift_) return ::write(output_.fd(), bytes, size);
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec part{.iov_base = const_cast<char*>(bytes), .iov_len = size};  // only read
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int given = gift_.fd();
    std::memcpy(CMSG_DATA(header), &given, sizeof given);
    const ssize_t n = ::sendmsg(output_.fd(), &message, MSG_NOSIGNAL);
    if (n > 0) gift_.reset();
    return n;
}

void ChannelIo::forget_written() {
    if (written_ == pending_.size()) {
        pending_.clear();
        written_ = 0;
        if (pending_.capacity() > kept_capacity) std::string().swap(pending_);
    } else if (written_ > compact_above) {
        pending_.erase(0, written_);
        written_ = 0;
    }
}

void ChannelIo::set_blocked(bool blocked) {
    if (blocked_ == blocked) return;
    blocked_ = blocked;
    if (state_ != Output::closed) writable_.watch(blocked ? std::uint32_t{EPOLLOUT} : 0U);
    handlers_.blocked(blocked);
}

void ChannelIo::close_output() {
    state_ = Output::closed;
    // A socket stays open while answers are read from it. Of a pipe this fails, and closing is enough.
    ::shutdown(output_.fd(), SHUT_WR);
    writable_ = {};
    output_.reset();
    gift_.reset();
    std::string().swap(pending_);
    written_ = 0;
}

void ChannelIo::drain() {
    for (std::size_t total = 0; total < drain_budget && input_;) {
        const std::size_t some = read_some();
        if (some == 0) break;
        total += some;
    }
    if (input_) end_of_input();
    stop();
}

void ChannelIo::stop() {
    readable_ = {};
    turn_end_ = {};
    input_.reset();
    if (state_ != Output::closed) close_output();
}

}  // namespace pinion::daemon
