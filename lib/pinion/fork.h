// SPDX-License-Identifier: Apache-2.0
// A child that is a copy of this process, and what is done in it before and after its callable.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace pinion::inline v0 {

// Where a child leaves its last words, in memory that it shares with its parent.
class LastWords {
public:
    LastWords();
    LastWords(const LastWords&) = delete;
    LastWords& operator=(const LastWords&) = delete;
    ~LastWords();
    // The first 4,000 bytes or so are kept.
    void leave(std::string_view text) noexcept;
    [[nodiscard]] std::string read() const;

private:
    struct Page;
    Page* page_;
};

struct ForkSetup {
    std::string name;
    std::vector<unsigned> cpus;
    std::map<std::string, std::string> env;
    std::string cwd;
    bool die_with_parent = true;
    bool ignore_interrupt = false;
    // The caller is a thread of the program's own, which may flush the program's streams before they are copied.
    // Otherwise what is in them is dropped in the copy.
    bool may_flush = true;
};

struct ForkedChild {
    pid_t pid = -1;
    UniqueFd pidfd;  // none: it ended, and somebody else reaped it, before we could watch it
};

// The status of a child that could not begin as its setup asks.
inline constexpr int status_not_begun = 127;

// Runs `body` in a copy of this process; its result is the exit status, an exception makes that 1 and is told in
// `words`. Throws std::system_error where there is no new process.
[[nodiscard]] ForkedChild fork_child(const ForkSetup& setup, LastWords& words, const std::function<int()>& body);

}  // namespace pinion::inline v0
