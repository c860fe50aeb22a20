// SPDX-License-Identifier: Apache-2.0
// Shows a map's progress on stderr while its results go to stdout: what is written when. Time is given.
#pragma once

#include <string>

#include "ctl/context.h"
#include "ctl/job_options.h"
#include "ctl/map_progress.h"

namespace pinion::ctl {

class MapDisplay {
public:
    // `automatic` becomes a bar on a terminal and lines elsewhere.
    MapDisplay(const Context& context, ProgressMode mode, std::string name, MonotonicTime now);

    // Takes in how far the map is, and shows it where it is time.
    void update(MonotonicTime now, std::uint64_t finished, std::uint64_t failed, std::optional<std::uint64_t> total);
    // Before anything else is written to a terminal: takes the bar away until it is drawn anew.
    void make_way();
    // When `update` wants to be called at the latest.
    [[nodiscard]] MonotonicTime due() const noexcept { return due_; }
    // The end, in one line. `cpu`: what the pool's workers took since the beginning, where it is known.
    void finish(MonotonicTime now, std::optional<Duration> cpu, const std::string& advice);
    [[nodiscard]] bool draws_bar() const noexcept { return mode_ == ProgressMode::bar; }

private:
    void write(const std::string& text);

    const Context& context_;
    ProgressMode mode_;
    MapFigures figures_;
    RateMeter meter_;
    MonotonicTime started_;
    MonotonicTime due_;
    bool drawn_ = false;  // a bar stands on the last line
};

}  // namespace pinion::ctl
