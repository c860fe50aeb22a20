// SPDX-License-Identifier: Apache-2.0
// From the bytes of a worker's pipe to lines, with a budget a second. Pure: time is an argument.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace pinion::log {

// One line as it goes out. `cut`: it was longer than limits::max_line_bytes and goes on in the next; a cut falls
// between characters where the text is UTF-8.
struct Line {
    std::string_view text;  // valid during the callback; invalid UTF-8 and NULs as they came
    bool cut = false;
};

class LineSplitter {
public:
    // Feeds bytes; calls `out` for each whole line (without its newline; "\r\n" loses both) and each full piece of an
    // overlong one.
    void feed(std::string_view bytes, const std::function<void(Line)>& out);
    // The rest without a newline, at the end of the stream.
    void finish(const std::function<void(Line)>& out);

private:
    void add(std::string_view part, const std::function<void(Line)>& out);
    void cut(const std::function<void(Line)>& out);
    void flush(const std::function<void(Line)>& out);
    std::string pending_;  // of the line that has begun; at most one byte more than fits into a piece
};

// A token bucket: `rate` lines a second, a burst of one second's worth.
class LineBudget {
public:
    explicit LineBudget(std::uint32_t rate) : rate_(rate), tokens_(rate) {}
    // Whether a line may pass at `now`; a refused one is counted.
    [[nodiscard]] bool take(MonotonicTime now);
    // How many were refused since the last call.
    [[nodiscard]] std::uint64_t take_dropped();
    [[nodiscard]] bool has_dropped() const noexcept { return dropped_ != 0; }
    void set_rate(std::uint32_t rate) { rate_ = rate; }

private:
    std::uint32_t rate_;
    double tokens_;
    MonotonicTime last_{};
    std::uint64_t dropped_ = 0;
};

}  // namespace pinion::log
