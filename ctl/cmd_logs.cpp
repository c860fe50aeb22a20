// SPDX-License-Identifier: Apache-2.0
// `logs`: what workers wrote, from the journal; where there is none, the last lines that the daemon remembers.
#include <algorithm>
#include <charconv>

#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/display.h"
#include "ctl/status_screen.h"
#include "ctl/waiting.h"
#include "log/journal_reader.h"
#include "model/limits.h"

namespace pinion::ctl {

namespace {

using namespace std::chrono_literals;

constexpr Duration ask_daemon_every = 1s;

// A line from either source.
struct Line {
    Duration at{};
    std::string pool;
    std::uint64_t slot = 0;
    std::uint64_t priority = 6;
    std::string text;
};

void print_line(const Context& context, const Line& line) {
    if (context.wants_json())
        return print_json_line(context, wire::Json::object()
                                            .set("at", line.at.count())
                                            .set("pool", line.pool)
                                            .set("slot", line.slot)
                                            .set("priority", line.priority)
                                            .set("message", line.text));
    const LogLine plain{.at = line.at, .slot = line.slot, .priority = line.priority, .text = line.text};
    print(context, log_line_text(line.pool, plain, context.out_traits, false));
}

Line to_line(const log::JournalEntry& entry) {
    Line line{.at = entry.at.time_since_epoch(), .pool = entry.pool, .text = entry.message};
    std::from_chars(entry.slot.data(), entry.slot.data() + entry.slot.size(), line.slot);
    line.priority = static_cast<std::uint64_t>(entry.priority);
    return line;
}

// Everything that is there now; how many lines that were.
Result<std::size_t> drain(log::JournalReader& journal, const Context& context) {
    std::size_t count = 0;
    for (;;) {
        PINION_TRY(entry, journal.next());
        if (!entry) break;
        print_line(context, to_line(*entry));
        ++count;
    }
    std::fflush(context.out);
    return count;
}

Exit follow_journal(log::JournalReader& journal, const Context& context) {
    while (std::ferror(context.out) == 0) {
        // A signal that does not end us only wakes the wait.
        if (auto waited = journal.wait(Duration(60s)); !waited && waited.error().code != EINTR)
            return report(context, {Exit::failed, waited.error().message});
        if (auto count = drain(journal, context); !count) return report(context, {Exit::failed, count.error().message});
    }
    return Exit::done;
}

// New lines only: those later than the last shown, or as late but not among the shown.
std::vector<LogLine> news(const std::vector<LogLine>& lines, const std::vector<LogLine>& shown) {
    std::vector<LogLine> fresh;
    const Duration last = shown.empty() ? Duration::zero() : shown.back().at;
    for (const LogLine& line : lines)
        if (line.at > last || (line.at == last && std::ranges::find(shown, line) == shown.end())) fresh.push_back(line);
    return fresh;
}

Answer<void> show_remembered(Client& client, const LogsOptions& options, const Target& target, const Context& context) {
    std::vector<LogLine> shown;
    std::size_t most = options.lines;
    for (;;) {
        PINION_TRY(lines, client.last_lines(options.target));
        std::ranges::stable_sort(lines, {}, &LogLine::at);
        std::vector<LogLine> fresh = news(lines, shown);
        if (fresh.size() > most) fresh.erase(fresh.begin(), fresh.end() - static_cast<std::ptrdiff_t>(most));
        for (const LogLine& line : fresh)
            print_line(context, {line.at, target.pool, line.slot, line.priority, line.text});
        std::fflush(context.out);
        if (!options.follow || std::ferror(context.out) != 0) return {};
        most = lines.size() + limits::last_lines;
        shown = std::move(lines);
        const MonotonicTime again = MonotonicClock::now() + ask_daemon_every;
        // Without a subscription nothing comes but the end of the time, or of the daemon.
        while (MonotonicClock::now() < again) PINION_CHECK(client.next_event(again - MonotonicClock::now()));
    }
}

Exit ask_daemon(const LogsOptions& options, const Target& target, const std::string& why, const Context& context) {
    auto client = Client::connect(context.global.runtime_dir);
    if (!client) {
        complain(context, why);
        return report(context, client.error());
    }
    complain(context, why + "; showing the last lines of each worker that the daemon remembers");
    auto shown = show_remembered(*client, options, target, context);
    return shown ? Exit::done : report(context, shown.error());
}

}  // namespace

Exit run(const LogsOptions& options, Context& context) {
    auto target = parse_target(options.target);
    if (!target) return report(context, target.error());
    log::JournalQuery query{.pool = target->pool, .last = options.lines};
    if (target->slot) query.slot = static_cast<std::uint32_t>(*target->slot);
    auto journal = log::JournalReader::open(query);
    if (!journal) return ask_daemon(options, *target, journal.error().message, context);
    auto count = drain(*journal, context);
    if (!count) return report(context, {Exit::failed, count.error().message});
    // A daemon on a terminal writes nothing to the journal, though there may be one.
    if (*count == 0 && options.lines > 0) {
        const std::string why = "the journal has nothing of '" + options.target + "'";
        auto client = Client::connect(context.global.runtime_dir);
        auto lines = client ? client->last_lines(options.target) : Answer<std::vector<LogLine>>();
        if (!lines && lines.error().exit == Exit::not_found) return report(context, lines.error());
        if (lines && !lines->empty()) return ask_daemon(options, *target, why, context);
        if (!options.follow) complain(context, why);
    }
    return options.follow ? follow_journal(*journal, context) : Exit::done;
}

}  // namespace pinion::ctl
