// SPDX-License-Identifier: Apache-2.0
#include "ctl/map_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "ctl/display.h"
#include "wire/json.h"

namespace pinion::ctl {

namespace {

using namespace std::chrono_literals;

constexpr Duration rate_span = 10s;
constexpr Duration sample_every = 100ms;
constexpr Duration rate_after = 2s;
constexpr std::uint64_t rate_from = 3;
constexpr Duration cores_after = 1s;
constexpr std::size_t widest_bar = 21;
constexpr std::size_t narrowest_bar = 5;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string rate_text(double rate) {
    if (rate >= 1000) return grouped(static_cast<std::uint64_t>(std::llround(rate))) + "/s";
    return fmt::format("{:.1f}/s", rate);
}

// What stands behind the bar, each part of its own so that the last ones can be left out.
std::vector<std::string> parts_of(const MapFigures& figures) {
    std::vector<std::string> parts;
    if (figures.total) {
        parts.push_back(grouped(figures.finished) + "/" + grouped(*figures.total));
        const auto percent = *figures.total == 0 ? 100 : figures.finished * 100 / *figures.total;
        parts.push_back(fmt::format("{}%", percent));
    } else {
        parts.push_back(grouped(figures.finished) + " done");
    }
    if (figures.rate) parts.push_back(rate_text(*figures.rate));
    if (figures.failed > 0) parts.push_back(grouped(figures.failed) + " failed");
    if (const auto left = time_left(figures)) parts.push_back("ETA " + format_duration_coarse(*left));
    return parts;
}

std::string joined(const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "" : "  ") + part;
    return text;
}

std::string bar_of(const MapFigures& figures, std::size_t cells, bool utf8) {
    const double share =
        *figures.total == 0 ? 1 : static_cast<double>(figures.finished) / static_cast<double>(*figures.total);
    const auto full = std::min(cells, static_cast<std::size_t>(share * static_cast<double>(cells)));
    std::string bar = utf8 ? "▕" : "[";
    for (std::size_t i = 0; i < cells; ++i) bar += i < full ? (utf8 ? "█" : "#") : (utf8 ? " " : ".");
    return bar + (utf8 ? "▏" : "]");
}

}  // namespace

void RateMeter::note(MonotonicTime now, std::uint64_t finished) {
    if (!first_) first_ = Sample{now, finished};
    if (!samples_.empty() && now - samples_.back().at < sample_every) return;
    samples_.push_back({now, finished});
    while (samples_.size() > 2 && now - samples_[1].at >= rate_span) samples_.pop_front();
}

std::optional<double> RateMeter::rate() const {
    if (samples_.size() < 2) return std::nullopt;
    const Sample& last = samples_.back();
    if (last.at - first_->at < rate_after || last.finished - first_->finished < rate_from) return std::nullopt;
    const Sample& before = samples_.front();
    return static_cast<double>(last.finished - before.finished) / seconds(last.at - before.at);
}

std::optional<Duration> time_left(const MapFigures& figures) {
    if (!figures.total || !figures.rate || *figures.rate <= 0 || figures.finished >= *figures.total)
        return std::nullopt;
    const double left = static_cast<double>(*figures.total - figures.finished) / *figures.rate;
    if (left > 100.0 * 24 * 3600) return std::nullopt;
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::ceil(left)));
}

std::string progress_bar(const MapFigures& figures, const TerminalTraits& traits) {
    std::string name = harmless(figures.name);
    if (!traits.utf8) name = to_ascii(name);
    std::vector<std::string> parts = parts_of(figures);
    // A terminal's last column is left free: some break the line there.
    const std::size_t width = traits.width - 1;
    const auto fixed = [&] { return display_width(name) + 2 + display_width(joined(parts)); };
    while (parts.size() > 1 && fixed() > width) parts.pop_back();
    const std::size_t around = 4;  // the bar's ends and its gap
    const std::size_t left = width > fixed() + around ? width - fixed() - around : 0;
    if (!figures.total || left < narrowest_bar)
        return cut_to_width(name + "  " + joined(parts), width, traits.utf8 ? "…" : "...");
    return name + "  " + bar_of(figures, std::min(left, widest_bar), traits.utf8) + "  " + joined(parts);
}

std::string progress_line(const MapFigures& figures) {
    return harmless(figures.name) + ": " + joined(parts_of(figures));
}

std::string progress_json(const MapFigures& figures) {
    wire::Json json = wire::Json::object().set("map", figures.name).set("finished", figures.finished);
    json.set("failed", figures.failed);
    if (figures.total) json.set("total", *figures.total);
    json.set("elapsed_usec", figures.elapsed.count());
    if (figures.rate) json.set("rate", *figures.rate);
    if (const auto left = time_left(figures)) json.set("left_usec", left->count());
    if (figures.cpu) json.set("cpu_usec", figures.cpu->count());
    return json.dump();
}

std::string map_summary(const MapFigures& figures) {
    std::string text = harmless(figures.name) + ": " + grouped(figures.finished) + " done in " +
                       format_duration_coarse(figures.elapsed);
    if (figures.elapsed > Duration::zero())
        text += ", " + rate_text(static_cast<double>(figures.finished) / seconds(figures.elapsed));
    if (figures.cpu && figures.elapsed >= cores_after)
        text += fmt::format(", {:.1f} cores", seconds(*figures.cpu) / seconds(figures.elapsed));
    return text + "; " + grouped(figures.finished - std::min(figures.finished, figures.failed)) + " ok, " +
           grouped(figures.failed) + " failed.";
}

std::string grouped(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

}  // namespace pinion::ctl
