// SPDX-License-Identifier: Apache-2.0
#include "ctl/map_display.h"

#include <utility>

namespace pinion::ctl {

namespace {

using namespace std::chrono_literals;

constexpr Duration bar_every = 100ms;
constexpr Duration line_every = 30s;
constexpr Duration json_every = 1s;
constexpr const char* erase_line = "\r\x1b[K";

ProgressMode settle(ProgressMode mode, const TerminalTraits& traits) {
    if (mode != ProgressMode::automatic) return mode;
    return traits.tty ? ProgressMode::bar : ProgressMode::lines;
}

}  // namespace

MapDisplay::MapDisplay(const Context& context, ProgressMode mode, std::string name, MonotonicTime now)
    : context_(context), mode_(settle(mode, context.err_traits)), started_(now), due_(now) {
    figures_.name = std::move(name);
    if (mode_ == ProgressMode::none) due_ = no_deadline;
}

void MapDisplay::write(const std::string& text) {
    // Results and their progress in the order in which they happened, where both go to one place.
    std::fflush(context_.out);
    std::fwrite(text.data(), 1, text.size(), context_.err);
    std::fflush(context_.err);
}

void MapDisplay::update(MonotonicTime now, std::uint64_t finished, std::uint64_t failed,
                        std::optional<std::uint64_t> total) {
    figures_.finished = finished;
    figures_.failed = failed;
    figures_.total = total;
    figures_.elapsed = now - started_;
    meter_.note(now, finished);
    figures_.rate = meter_.rate();
    if (now < due_) return;
    if (mode_ == ProgressMode::bar) {
        write(erase_line + progress_bar(figures_, context_.err_traits));
        drawn_ = true;
        due_ = now + bar_every;
    } else if (mode_ == ProgressMode::lines) {
        write(progress_line(figures_) + "\n");
        due_ = now + line_every;
    } else if (mode_ == ProgressMode::json) {
        write(progress_json(figures_) + "\n");
        due_ = now + json_every;
    }
}

void MapDisplay::make_way() {
    if (!drawn_) return;
    write(erase_line);
    drawn_ = false;
}

void MapDisplay::finish(MonotonicTime now, std::optional<Duration> cpu, const std::string& advice) {
    make_way();
    figures_.elapsed = now - started_;
    figures_.cpu = cpu;
    // Silence was asked for, and is kept where nothing went wrong.
    if (mode_ == ProgressMode::none && figures_.failed == 0) return;
    if (mode_ == ProgressMode::json) return write(progress_json(figures_) + "\n");
    write(paragraph(map_summary(figures_) + (figures_.failed > 0 ? "  " + advice : ""), 4, context_.err_traits));
}

}  // namespace pinion::ctl
