// SPDX-License-Identifier: Apache-2.0
// Sole owners of file descriptors: owned and CLOEXEC from birth, closed once.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace pinion {

class UniqueFd {
public:
    UniqueFd() noexcept = default;
    // Takes ownership; -1 means none.
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept;
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
    explicit operator bool() const noexcept { return valid(); }

    // Gives the descriptor up without closing it.
    [[nodiscard]] int release() noexcept;
    // Closes what is held, if anything. errno is left as it was.
    void reset() noexcept;

private:
    int fd_ = -1;
};

// Both ends of a pipe, CLOEXEC.
struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

// `flags` as for pipe2; O_CLOEXEC is always added.
[[nodiscard]] Result<Pipe> make_pipe(int flags = 0);

// open(2) with O_CLOEXEC added and EINTR retried. The error names the path.
[[nodiscard]] Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode = 0);

// The whole file, refused with EFBIG past `max_bytes`. Works for /proc and /sys files, whose size reads as 0.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

// Writes all of `data`, retrying EINTR and short writes.
[[nodiscard]] Result<void> write_all(int fd, std::string_view data);

// Replaces `path` with `data` such that a reader sees the old or the new content, never a part: temporary file in the
// same folder, fsync, rename.
[[nodiscard]] Result<void> write_file_atomically(const std::string& path, std::string_view data, unsigned mode = 0644);

}  // namespace pinion
