// SPDX-License-Identifier: Apache-2.0
#include "log/line_splitter.h"

#include <algorithm>
#include <utility>

#include "model/limits.h"

namespace pinion::log {
namespace {

// What a stream may keep between two lines: thousands of streams must not each hold the room of their longest line.
constexpr std::size_t kept_capacity = 1024;

bool continues_character(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Where to cut a text longer than one piece: before the character that doesn't fit whole. What isn't UTF-8 is cut at
// the bound.
std::size_t cut_position(std::string_view text) noexcept {
    std::size_t at = limits::max_line_bytes;
    while (at > limits::max_line_bytes - 3 && continues_character(text[at])) --at;
    return continues_character(text[at]) ? limits::max_line_bytes : at;
}

}  // namespace

void LineSplitter::feed(std::string_view bytes, const std::function<void(Line)>& out) {
    while (!bytes.empty()) {
        const auto newline = bytes.find('\n');
        auto part = bytes.substr(0, newline);
        if (newline == std::string_view::npos) return add(part, out);
        bytes.remove_prefix(newline + 1);
        // Most lines arrive whole and need no copy.
        if (pending_.empty() && part.size() <= limits::max_line_bytes) {
            if (part.ends_with('\r')) part.remove_suffix(1);
            out({part, false});
            continue;
        }
        add(part, out);
        if (pending_.ends_with('\r')) pending_.pop_back();
        flush(out);
    }
}

void LineSplitter::finish(const std::function<void(Line)>& out) {
    if (!pending_.empty()) flush(out);
}

void LineSplitter::add(std::string_view part, const std::function<void(Line)>& out) {
    while (!part.empty()) {
        // Cut only now that more follows: a line of exactly the bound stays whole, with "\r\n" too.
        if (pending_.size() > limits::max_line_bytes) cut(out);
        const auto taken = std::min(part.size(), limits::max_line_bytes + 1 - pending_.size());
        pending_.append(part.substr(0, taken));
        part.remove_prefix(taken);
    }
}

void LineSplitter::cut(const std::function<void(Line)>& out) {
    const auto at = cut_position(pending_);
    out({std::string_view(pending_).substr(0, at), true});
    pending_.erase(0, at);
}

void LineSplitter::flush(const std::function<void(Line)>& out) {
    if (pending_.size() > limits::max_line_bytes) cut(out);
    out({pending_, false});
    pending_.clear();
    if (pending_.capacity() > kept_capacity) pending_ = std::string();
}

bool LineBudget::take(MonotonicTime now) {
    const double elapsed = std::chrono::duration<double>(now - last_).count();
    last_ = std::max(last_, now);
    tokens_ = std::min<double>(rate_, tokens_ + std::max(0.0, elapsed) * rate_);
    if (tokens_ >= 1) {
        tokens_ -= 1;
        return true;
    }
    ++dropped_;
    return false;
}

std::uint64_t LineBudget::take_dropped() { return std::exchange(dropped_, 0); }

}  // namespace pinion::log
