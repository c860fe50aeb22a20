// SPDX-License-Identifier: Apache-2.0
// How far a map is, as text: a bar for a terminal, lines for a journal, JSON for a program. Pure: time is given.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/time.h"
#include "ctl/terminal.h"

namespace pinion::ctl {

struct MapFigures {
    std::string name;  // of the map, or of its pool
    std::uint64_t finished = 0;
    std::uint64_t failed = 0;
    std::optional<std::uint64_t> total;
    Duration elapsed{};
    std::optional<double> rate;   // a second
    std::optional<Duration> cpu;  // that the pool's workers took meanwhile; at the end only
};

// The rate over the last ten seconds.
class RateMeter {
public:
    void note(MonotonicTime now, std::uint64_t finished);
    // Nothing before three results and two seconds.
    [[nodiscard]] std::optional<double> rate() const;

private:
    struct Sample {
        MonotonicTime at;
        std::uint64_t finished;
    };
    std::deque<Sample> samples_;  // at least a tenth of a second apart, of the last ten seconds and one before
    std::optional<Sample> first_;
};

// What is left at this rate; nothing without a rate or a total.
[[nodiscard]] std::optional<Duration> time_left(const MapFigures& figures);

// One line without its end, no wider than the terminal; an unknown total gives no bar.
[[nodiscard]] std::string progress_bar(const MapFigures& figures, const TerminalTraits& traits);
// The same as a plain line.
[[nodiscard]] std::string progress_line(const MapFigures& figures);
[[nodiscard]] std::string progress_json(const MapFigures& figures);
// "film-12: 5,000 done in 2m41s, 31.1/s, 6.8 cores; 4,997 ok, 3 failed." The cores are CPU time by time: of the pool's
// workers, whatever else they did, since a worker's time can't be told apart by jobs. None in the first second, in
// which the kernel's clock ticks of CPU time say little.
[[nodiscard]] std::string map_summary(const MapFigures& figures);

// "5,000".
[[nodiscard]] std::string grouped(std::uint64_t number);

}  // namespace pinion::ctl
