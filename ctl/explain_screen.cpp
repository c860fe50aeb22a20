// SPDX-License-Identifier: Apache-2.0
#include "ctl/explain_screen.h"

#include <limits>

#include "base/units.h"
#include "ctl/display.h"
#include "ctl/json_facts.h"
#include "ctl/rows.h"
#include "ctl/status_screen.h"

namespace pinion::ctl {

namespace {

using wire::Json;

// Lines of a label and a text that wraps under itself.
class Page {
public:
    explicit Page(const TerminalTraits& traits) : traits_(traits) {}
    void field(std::string label, const std::string& text) {
        if (text.empty()) return;
        label += ':';
        label.resize(label_columns, ' ');
        line(label + text, label_columns);
    }
    void line(const std::string& text, std::size_t indent) { result_ += paragraph(text, indent, traits_); }
    // A line that is cut rather than wrapped: what a program wrote.
    void quote(const std::string& text) {
        std::string shown = "      | " + text;
        if (traits_.tty && !traits_.utf8) shown = to_ascii(shown);
        if (traits_.tty) shown = cut_to_width(shown, traits_.width, traits_.utf8 ? "…" : "...");
        result_ += shown + "\n";
    }
    std::string take() { return std::move(result_); }

private:
    static constexpr std::size_t label_columns = 10;
    const TerminalTraits& traits_;
    std::string result_;
};

std::string state_text(const WorkerRow& worker, Duration now) {
    std::string text = harmless(worker.state);
    if (worker.since > Duration::zero())
        text += " for " + format_duration_coarse(std::max(now - worker.since, Duration::zero()));
    if (worker.pid != 0) text += ", pid " + std::to_string(worker.pid);
    if (worker.generation != 0) text += ", generation " + std::to_string(worker.generation);
    if (worker.restarts != 0)
        text += ", " + std::to_string(worker.restarts) + (worker.restarts == 1 ? " restart" : " restarts");
    return text;
}

std::string seat_text(const WorkerRow& worker) {
    if (worker.cpus.empty() && worker.seat.empty()) return "";
    const std::string seat = worker.seat.empty() ? "floats" : "seat " + harmless(worker.seat);
    return seat + (worker.cpus.empty() ? "" : ", mask in force " + harmless(worker.cpus));
}

std::string use_text(const WorkerRow& worker) {
    std::string text;
    if (worker.memory_bytes > 0) text = format_size_coarse(worker.memory_bytes) + " of memory";
    if (worker.cpu_usec > 0) {
        const auto spent = Duration(static_cast<Duration::rep>(worker.cpu_usec));
        text += (text.empty() ? "" : ", ") + format_duration_coarse(spent) + " of CPU time";
    }
    return text;
}

std::string curve_text(const Json& facts) {
    const Json* curve = facts.find("curve");
    if (curve == nullptr) return "";
    std::string text;
    Duration before(-1);
    for (const Json& item : curve->items()) {
        const Duration delay(item.as_int().value_or(0));
        if (delay == before) return text + ", and so on";
        text += (text.empty() ? "" : ", ") + format_duration_coarse(delay);
        before = delay;
    }
    return text;
}

void add_death(Page& page, const Json& death, Duration now) {
    const Duration at = time_of(death, "at").value_or(Duration::zero());
    std::string text = "  " + (at == Duration::zero() ? std::string("-") : clock_text(at, now));
    text += " generation " + std::to_string(number_of(death, "generation")) + ": " + text_of(death, "what");
    if (const Duration uptime = time_of(death, "uptime_usec").value_or(Duration::zero()); uptime > Duration::zero())
        text += " after " + format_duration_coarse(uptime);
    if (const std::uint64_t peak = number_of(death, "peak_memory_bytes"); peak > 0)
        text += ", peak " + format_size_coarse(peak);
    if (const std::string decision = text_of(death, "decision"); !decision.empty()) text += "; " + decision;
    page.line(text, 4);
    const Json* lines = death.find("last_lines");
    if (lines == nullptr) return;
    for (const Json& line : lines->items())
        if (const std::string* written = line.as_string()) page.quote(harmless(*written));
}

}  // namespace

std::string explain_screen(const Json& facts, std::span<const std::string> seat, const TerminalTraits& traits,
                           Duration now) {
    const WorkerRow worker = to_worker_row(facts);
    Page page(traits);
    page.field("Worker", worker.name());
    page.field("State", state_text(worker, now));
    page.field("Why", harmless(worker.note));
    page.field("Says", harmless(worker.status_text));
    if (worker.next_retry > Duration::zero())
        page.field("Retry", worker.next_retry <= now
                                ? "now"
                                : "in " + format_duration_coarse(worker.next_retry - now) + " (" +
                                      std::to_string(worker.failures_in_row) + " failures in a row)");
    page.field("CPUs", seat_text(worker));
    page.field("Uses", use_text(worker));
    page.field("Policy", text_of(facts, "policy"));
    page.field("Back-off", curve_text(facts));
    if (!seat.empty()) page.line("Why this seat:", 0);
    for (const std::string& sentence : seat) page.line("  " + sentence, sentence.starts_with(' ') ? 6 : 4);
    const Json* deaths = facts.find("deaths");
    if (deaths == nullptr || deaths->items().empty()) {
        page.line("No life of this worker has ended yet.", 0);
        return page.take();
    }
    page.line("Earlier lives, the newest last:", 0);
    for (const Json& death : deaths->items()) add_death(page, death, now);
    return page.take();
}

}  // namespace pinion::ctl
