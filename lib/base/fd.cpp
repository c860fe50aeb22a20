// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace pinion {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = other.release();
    }
    return *this;
}

int UniqueFd::release() noexcept { return std::exchange(fd_, -1); }

void UniqueFd::reset() noexcept {
    if (fd_ < 0) return;
    const int saved = errno;
    // Linux releases the descriptor even when close reports EINTR; retrying could close a stranger's.
    ::close(std::exchange(fd_, -1));
    errno = saved;
}

Result<Pipe> make_pipe(int flags) {
    int ends[2];
    if (::pipe2(ends, flags | O_CLOEXEC) < 0) return fail_last("make a pipe");
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode) {
    for (;;) {
        UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
        if (fd) return fd;
        if (errno != EINTR) return fail_last("open '" + path + "'");
    }
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
    PINION_TRY(file, open_file(path, O_RDONLY));
    std::string content;
    char buffer[16384];
    for (;;) {
        const ssize_t n = ::read(file.fd(), buffer, sizeof buffer);
        if (n == 0) return content;
        if (n < 0) {
            if (errno == EINTR) continue;
            return fail_last("read '" + path + "'");
        }
        if (content.size() + static_cast<std::size_t>(n) > max_bytes) return fail_errno(EFBIG, "read '" + path + "'");
        content.append(buffer, static_cast<std::size_t>(n));
    }
}

Result<void> write_all(int fd, std::string_view data) {
    while (!data.empty()) {
        const ssize_t n = ::write(fd, data.data(), data.size());
        if (n < 0) {
            if (errno == EINTR) continue;
            return fail_last("write");
        }
        data.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<void> write_file_atomically(const std::string& path, std::string_view data, unsigned mode) {
    const std::string temporary = path + ".new";
    {
        PINION_TRY(file, open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
        auto written = write_all(file.fd(), data);
        if (written && ::fsync(file.fd()) < 0) written = fail_last("fsync");
        if (!written) {
            ::unlink(temporary.c_str());
            return in_context("write '" + path + "'", std::move(written).error());
        }
    }
    if (::rename(temporary.c_str(), path.c_str()) < 0) {
        auto failure = fail_last("rename '" + temporary + "' to '" + path + "'");
        ::unlink(temporary.c_str());
        return failure;
    }
    return {};
}

}  // namespace pinion
