// SPDX-License-Identifier: Apache-2.0
// What each command's words mean, as values, and what is said of those that mean nothing.
#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "ctl/display.h"
#include "ctl/options_raw.h"

namespace pinion::ctl {

namespace {

using MaybeTime = std::optional<Duration>;

Result<std::optional<Duration>> settle_timeout(const std::string& text) {
    if (text.empty()) return std::nullopt;
    auto parsed = parse_duration(text);
    if (!parsed) return in_context("--timeout", parsed.error());
    return *parsed;
}

Result<std::uint32_t> settle_count(const char* what, const std::string& text) {
    const auto number = parse_integer(text);
    if (!number || *number < 0 || *number > UINT32_MAX)
        return fail(std::string(what) + ": '" + harmless(text) + "' is not a number of at least 0");
    return static_cast<std::uint32_t>(*number);
}

// By name, or by number as kill(1) takes it.
Result<int> settle_signal(const std::string& text) {
    if (const auto number = parse_integer(text); number && *number > 0 && *number <= 64)
        return static_cast<int>(*number);
    if (const auto number = parse_signal(text)) return *number;
    return fail("--signal: there is no signal '" + harmless(text) + "'");
}

Result<Command> settle_status(Raw& raw, MaybeTime) {
    if (raw.sort != "name" && raw.sort != "state")
        return fail("--sort: '" + harmless(raw.sort) + "' is neither state nor name");
    raw.status.by_state = raw.sort == "state";
    if (!raw.status.pool.empty() && (raw.status.draw || !raw.status.svg.empty()))
        return fail("a drawing shows all pools: leave '" + harmless(raw.status.pool) + "' out");
    return raw.status;
}

template <Verb verb>
Result<Command> settle_act(Raw& raw, MaybeTime timeout) {
    raw.act.verb = verb;
    raw.act.wait = !raw.no_wait;
    raw.act.timeout = timeout;
    return raw.act;
}

Result<Command> settle_scale(Raw& raw, MaybeTime timeout) {
    PINION_TRY(number, settle_count("N", raw.count));
    raw.scale.workers = number;
    raw.scale.wait = !raw.no_wait;
    raw.scale.timeout = timeout;
    return raw.scale;
}

Result<Command> settle_kill(Raw& raw, MaybeTime) {
    PINION_TRY(number, settle_signal(raw.signal));
    raw.kill.signal = number;
    return raw.kill;
}

Result<Command> settle_waiting(Raw& raw, MaybeTime timeout) {
    PINION_TRY(jobs, settle_wait(raw.wait.pools, timeout));
    if (jobs && raw.wait.ready) return fail("--ready is for pools, not for jobs");
    if (jobs) return std::move(*jobs);
    raw.wait.timeout = timeout;
    return raw.wait;
}

Result<Command> settle_check(Raw& raw, MaybeTime) {
    if (!raw.check.as.empty() && raw.check.files.size() != 1)
        return fail("--as wants one FILE to check in the place of '" + harmless(raw.check.as) + "'");
    return raw.check;
}

Result<Command> settle_logs(Raw& raw, MaybeTime) {
    if (raw.lines.empty()) return raw.logs;
    PINION_TRY(number, settle_count("--lines", raw.lines));
    raw.logs.lines = number;
    return raw.logs;
}

Result<Command> settle_events(Raw& raw, MaybeTime) {
    if (raw.lines.empty()) return raw.events;
    PINION_TRY(number, settle_count("--lines", raw.lines));
    raw.events.lines = number;
    return raw.events;
}

// Of a command whose words need no reading.
template <auto member>
Result<Command> as_it_is(Raw& raw, MaybeTime) {
    return raw.*member;
}

struct Settled {
    const char* name;
    Result<Command> (*settle)(Raw&, MaybeTime timeout);
};
constexpr std::array<Settled, 19> commands{{
    {"status", settle_status},
    {"start", settle_act<Verb::start>},
    {"stop", settle_act<Verb::stop>},
    {"restart", settle_act<Verb::restart>},
    {"scale", settle_scale},
    {"kill", settle_kill},
    {"wait", settle_waiting},
    {"check", settle_check},
    {"logs", settle_logs},
    {"events", settle_events},
    {"plan", as_it_is<&Raw::plan>},
    {"is-healthy", as_it_is<&Raw::health>},
    {"explain", as_it_is<&Raw::explain>},
    {"show", as_it_is<&Raw::show>},
    {"schema", as_it_is<&Raw::schema>},
    {"completion-words", as_it_is<&Raw::words>},
    {"reload", [](Raw&, MaybeTime) -> Result<Command> { return ReloadOptions{}; }},
    {"rebalance", [](Raw&, MaybeTime) -> Result<Command> { return RebalanceOptions{}; }},
    {"cat", [](Raw&, MaybeTime) -> Result<Command> { return CatOptions{}; }},
}};

}  // namespace

Result<void> settle_global(Raw& raw) {
    if (raw.colour == "always")
        raw.global.colour = ColourChoice::always;
    else if (raw.colour == "never")
        raw.global.colour = ColourChoice::never;
    else if (raw.colour != "auto")
        return fail("--color: '" + harmless(raw.colour) + "' is neither auto nor always nor never");
    if (raw.json || raw.output == "json")
        raw.global.format = Format::json;
    else if (raw.output == "jsonl")
        raw.global.format = Format::jsonl;
    else
        raw.global.columns = raw.output;
    return {};
}

Result<Command> settle(const std::string& name, Raw& raw) {
    PINION_TRY(timeout, settle_timeout(raw.timeout));
    if (name != "status" && !raw.global.columns.empty())
        return fail("-o: '" + harmless(raw.global.columns) + "' is neither json nor jsonl");
    PINION_TRY(of_jobs, settle_jobs(name, raw.jobs, timeout));
    if (of_jobs) return std::move(*of_jobs);
    const auto known = std::ranges::find_if(commands, [&](const Settled& one) { return name == one.name; });
    if (known == commands.end()) return fail("it is not known");
    return known->settle(raw, timeout);
}

}  // namespace pinion::ctl
