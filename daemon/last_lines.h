// SPDX-License-Identifier: Apache-2.0
// What was written last, for people: of a slot for `status` and records of deaths, of an `exec` job for its own record.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "log/record.h"
#include "model/limits.h"

namespace pinion::daemon {

// A line kept for people: when, how important, and its printable text.
struct KeptLine {
    WallTime at;
    log::Priority priority = log::Priority::info;
    std::string text;
};

// The newest lines, bounded by limits::last_lines and last_lines_bytes; one is kept however long it is.
class LastLines {
public:
    void add(KeptLine line) {
        bytes_ += line.text.size();
        lines_.push_back(std::move(line));
        while (lines_.size() > limits::last_lines || (bytes_ > limits::last_lines_bytes && lines_.size() > 1)) {
            bytes_ -= lines_.front().text.size();
            lines_.erase(lines_.begin());
        }
    }
    [[nodiscard]] const std::vector<KeptLine>& lines() const noexcept { return lines_; }

private:
    std::vector<KeptLine> lines_;  // ten at most: nothing is owed for a worker that is silent
    std::size_t bytes_ = 0;
};

}  // namespace pinion::daemon
