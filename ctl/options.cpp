// SPDX-License-Identifier: Apache-2.0
// The one home of the command line library in ctl: what each command takes, its help, and what a wrong line is told.
#include "ctl/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/text.h"
#include "base/units.h"
#include "ctl/display.h"
#include "ctl/options_raw.h"

namespace pinion::ctl {

namespace {

constexpr const char* about =
    "pinionctl shows and steers the pools of worker processes that piniond runs.\n"
    "It talks to the daemon over the socket in its runtime folder; check, plan and cat work without it.";
constexpr const char* footer =
    "Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 not healthy (is-healthy and wait only),\n"
    "  4 no such pool, worker or job, 5 daemon unreachable, 6 permission, 130 interrupted.\n\n"
    "Examples:\n"
    "  pinionctl status\n"
    "  pinionctl restart web/3\n"
    "  pinionctl COMMAND --help";

CLI::App* command(CLI::App& app, const char* name, const char* what, const char* examples) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->footer(std::string("\nExamples:\n") + examples + "\n\nOptions of every command: pinionctl --help");
    return sub;
}

void add_global_options(CLI::App& app, Raw& raw) {
    app.set_version_flag("--version", "pinionctl " PINION_VERSION);
    app.add_option("--runtime-dir", raw.global.runtime_dir, "the daemon's runtime folder, where control.sock is")
        ->type_name("DIR");
    app.add_option("--config", raw.global.config, "the configuration: a file, or a folder with pinion.yaml and pools.d")
        ->type_name("PATH");
    app.add_flag("--json", raw.json, "one JSON document (JSON lines where it is a stream); the same as -o json");
    app.add_option("-o,--output", raw.output, "json, jsonl, or the columns of status: POOL,STATE,NOTE")
        ->type_name("FORMAT");
    app.add_option("--color", raw.colour, "auto, always or never")->type_name("WHEN");
}

void add_looking(CLI::App& app, Raw& raw) {
    CLI::App* sub =
        command(app, "status", "show all pools, or one pool's workers",
                "  pinionctl status\n  pinionctl status web --watch\n  pinionctl status -o POOL,STATE,SEATS\n"
                "  pinionctl status --pins\n  pinionctl status --draw");
    sub->add_option("POOL", raw.status.pool, "the pool whose workers to show");
    CLI::Option* pins = sub->add_flag("--pins", raw.status.pins, "where each worker sits, and the mask it really has");
    CLI::Option* draw = sub->add_flag("--draw", raw.status.draw, "draw the machine with the seats of all pools in it");
    draw->excludes(pins);
    sub->add_option("--svg", raw.status.svg, "the same drawing, written to an SVG file (-: to stdout)")
        ->type_name("FILE");
    sub->add_flag("--watch", raw.status.watch, "stay, and redraw when something changes");
    sub->add_flag("--wide", raw.status.wide, "every column, nothing cut");
    sub->add_option("--sort", raw.sort, "state (worst first) or name")->type_name("KEY");

    sub = command(app, "is-healthy", "exit 0 where all is well, 3 where not; silent",
                  "  pinionctl is-healthy\n  pinionctl is-healthy web || alarm");
    sub->add_option("POOL", raw.health.pool, "only this pool");

    sub = command(app, "logs", "show what workers wrote", "  pinionctl logs web -f\n  pinionctl logs web/3 -n 100");
    sub->add_option("TARGET", raw.logs.target, "POOL or POOL/SLOT")->required();
    sub->add_flag("-f,--follow", raw.logs.follow, "stay, and show new lines as they come");
    sub->add_option("-n,--lines", raw.lines, "how many of the newest lines to begin with (10)")->type_name("N");

    sub = command(app, "events", "show what happened: starts, deaths, reloads",
                  "  pinionctl events -f\n  pinionctl events -f --json | jq .message");
    sub->add_flag("-f,--follow", raw.events.follow, "stay, and show events as they come");
    sub->add_option("-n,--lines", raw.lines, "only the newest N of those remembered")->type_name("N");

    sub = command(app, "explain", "say why a worker is in its state, how it died, when it is retried",
                  "  pinionctl explain web/3");
    sub->add_option("WORKER", raw.explain.worker, "POOL/SLOT")->required();

    sub = command(app, "show", "print all that is known about a pool or a worker, as KEY=VALUE",
                  "  pinionctl show web\n  pinionctl show web/3 -p Pid,Cpus");
    sub->add_option("TARGET", raw.show.target, "POOL or POOL/SLOT")->required();
    sub->add_option("-p,--property", raw.show.properties, "only these keys")->delimiter(',')->type_name("KEYS");
}

void add_acting(CLI::App& app, Raw& raw) {
    command(app, "reload", "read the configuration again and apply what changed",
            "  pinionctl reload\n"
            "  pinionctl check && pinionctl reload");
    command(app, "rebalance", "reload, and choose the seats of all workers anew",
            "  pinionctl rebalance\n  pinionctl plan --rebalance && pinionctl rebalance");
    const auto act = [&](const char* name, const char* what, const char* examples) {
        CLI::App* sub = command(app, name, what, examples);
        sub->add_option("TARGET", raw.act.targets, "POOL or POOL/SLOT")->required();
        sub->add_flag("--no-wait", raw.no_wait, "don't wait until it is done");
        sub->add_option("--timeout", raw.timeout, "wait at most so long (30s, 2m)")->type_name("TIME");
    };
    act("start", "start pools or workers; clears their failures",
        "  pinionctl start web\n  pinionctl start web/3 mail");
    act("stop", "stop pools or workers; they stay stopped until started",
        "  pinionctl stop web\n  pinionctl stop web/3 --no-wait");
    act("restart", "restart pools or workers", "  pinionctl restart web\n  pinionctl restart web/3 --timeout 30s");

    CLI::App* sub = command(app, "scale", "change the number of a pool's workers, until its file says another",
                            "  pinionctl scale web 8");
    sub->add_option("POOL", raw.scale.pool, "the pool")->required();
    sub->add_option("N", raw.count, "how many workers")->required();
    sub->add_flag("--no-wait", raw.no_wait, "don't wait until it is done");
    sub->add_option("--timeout", raw.timeout, "wait at most so long (30s, 2m)")->type_name("TIME");

    sub = command(app, "kill", "send a signal to a worker, or to all of a pool",
                  "  pinionctl kill -s HUP web\n  pinionctl kill -s SIGUSR1 web/3");
    sub->add_option("TARGET", raw.kill.target, "POOL or POOL/SLOT")->required();
    sub->add_option("-s,--signal", raw.signal, "the signal's name or number (SIGTERM)")->type_name("SIG");

    sub = command(app, "wait", "wait until pools are at rest (join), with --ready healthy, or until jobs have ended",
                  "  pinionctl wait squares cubes\n  pinionctl wait --ready web --timeout 60s\n  pinionctl wait 17 18");
    sub->add_option("POOL", raw.wait.pools, "the pools, or the ids of jobs; none: all pools");
    sub->add_flag("--ready", raw.wait.ready, "until they run as they should");
    sub->add_option("--timeout", raw.timeout, "give up after so long (60s), with exit code 3")->type_name("TIME");
}

void add_configuration(CLI::App& app, Raw& raw) {
    CLI::App* sub = command(app, "check", "check configuration files; needs no daemon",
                            "  pinionctl check\n  pinionctl check pinion.yaml --json\n"
                            "  pinionctl check --as /etc/pinion/pools.d/web.yaml /tmp/web.yaml");
    sub->add_option("FILE", raw.check.files, "files or folders; none: the configuration in place");
    sub->add_flag("--strict", raw.check.strict, "warnings fail too");
    sub->add_option("--as", raw.check.as, "check FILE in the place of this one, with the rest of its folder")
        ->type_name("PATH");

    sub = command(app, "plan", "show which CPUs each worker would get, and what a reload would change",
                  "  pinionctl plan\n  pinionctl plan new.yaml --against /etc/pinion\n"
                  "  pinionctl plan web.yaml --topology 'package:2 core:8 pu:2' --draw\n"
                  "  pinionctl plan web.yaml --explain web/3\n"
                  "  pinionctl plan web.yaml --lock && pinionctl plan web.yaml --check");
    sub->add_option("FILE", raw.plan.file, "a file or a folder; none: the configuration in place");
    sub->add_option("--topology", raw.plan.topology,
                    "another machine: a synthetic description or lstopo's XML; 'this' for the one we run on")
        ->type_name("MACHINE");
    sub->add_option("--against", raw.plan.against, "compare with this configuration")->type_name("PATH");
    sub->add_flag("--rebalance", raw.plan.rebalance, "with all seats chosen anew, as 'rebalance' would");
    CLI::Option* draw = sub->add_flag("--draw", raw.plan.draw, "draw the machine with the seats in it");
    sub->add_option("--svg", raw.plan.svg, "the same drawing, written to an SVG file (-: to stdout)")
        ->type_name("FILE");
    CLI::Option* explain =
        sub->add_option("--explain", raw.plan.explain, "say why a worker has its seat, and who has the better ones")
            ->type_name("POOL/SLOT")
            ->excludes(draw);
    CLI::Option* lock = sub->add_flag("--lock", raw.plan.lock, "write the seats to a lock file, to be committed")
                            ->excludes(draw)
                            ->excludes(explain);
    sub->add_flag("--check", raw.plan.check, "fail where a seat differs from the lock file's")
        ->excludes(draw)
        ->excludes(explain)
        ->excludes(lock);
    sub->add_option("--lock-file", raw.plan.lock_file, "that file, where it is not beside the configuration")
        ->type_name("PATH");

    command(app, "cat", "print the effective configuration, with where each value comes from",
            "  pinionctl cat\n  pinionctl cat --config examples/quickstart.yaml");

    sub = command(app, "schema", "print the JSON Schema of the configuration, for editors",
                  "  pinionctl schema > pinion.schema.json\n  pinionctl schema --reference");
    CLI::Option* reference =
        sub->add_flag("--reference", raw.schema.reference, "every key as a page of Markdown instead");
    sub->add_flag("--man", raw.schema.manual, "every key as an entry of the manual, in scdoc, instead")
        ->excludes(reference);

    sub = app.add_subcommand("completion-words", "names for the shells' completion");
    sub->group("");
    sub->add_option("KIND", raw.words.kind, "pools, workers, targets, columns or signals")->required();
}

void define(CLI::App& app, Raw& raw) {
    app.name("pinionctl");
    app.footer(footer);
    app.require_subcommand(1);
    app.fallthrough();
    app.get_formatter()->column_width(28);
    add_global_options(app, raw);
    add_looking(app, raw);
    add_acting(app, raw);
    add_job_commands(
        [&app](const char* name, const char* what, const char* examples) { return command(app, name, what, examples); },
        raw.jobs, raw.timeout);
    add_configuration(app, raw);
}

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_snames()) names.push_back("-" + name);
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

std::unexpected<EarlyEnd> usage(const std::string& message) {
    return std::unexpected(EarlyEnd{Exit::usage, "pinionctl: " + message + "; see 'pinionctl --help'\n"});
}

std::string nearest(const std::string& word, const std::vector<std::string>& names) {
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    const auto meant = closest(word, candidates);
    return meant ? " (did you mean '" + std::string(*meant) + "'?)" : "";
}

// What is wrong with a line that the library refused, in our grammar.
std::unexpected<EarlyEnd> explain_error(const CLI::App& app, const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    const std::vector<std::string> left = app.remaining(true);
    if (!left.empty()) {
        const std::string& word = left.front();
        const std::string shown = "'" + harmless(word) + "'";
        if (word.starts_with('-')) {
            std::vector<std::string> names = option_names(app);
            for (const CLI::App* sub : chosen) std::ranges::copy(option_names(*sub), std::back_inserter(names));
            return usage("unknown option " + shown + nearest(word, names));
        }
        if (!chosen.empty()) return usage("unexpected argument " + shown);
        std::vector<std::string> names;
        for (const CLI::App* sub : app.get_subcommands([](const CLI::App* s) { return !s->get_group().empty(); }))
            names.push_back(sub->get_name());
        return usage("unknown command " + shown + nearest(word, names));
    }
    if (chosen.empty()) return usage("which command?");
    std::string message = error.what();
    if (!message.empty() && (message.size() < 2 || !std::isupper(static_cast<unsigned char>(message[1]))))
        message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
    return usage(chosen.front()->get_name() + ": " + harmless(message));
}

}  // namespace

std::expected<CommandLine, EarlyEnd> parse_command_line(std::vector<std::string> arguments) {
    CLI::App app(about);
    Raw raw;
    define(app, raw);
    shield_lists(arguments);
    std::ranges::reverse(arguments);  // the library takes them from the back
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
        return std::unexpected(EarlyEnd{Exit::done, app.help()});
    } catch (const CLI::CallForVersion&) {
        return std::unexpected(EarlyEnd{Exit::done, "pinionctl " PINION_VERSION "\n"});
    } catch (const CLI::ParseError& error) {
        return explain_error(app, error);
    }
    const std::string name = app.get_subcommands().front()->get_name();
    if (auto settled = settle_global(raw); !settled) return usage(settled.error().message);
    auto command = settle(name, raw);
    if (!command) return usage(name + ": " + command.error().message);
    return CommandLine{raw.global, std::move(*command)};
}

std::vector<CommandHelp> list_commands() {
    CLI::App app(about);
    Raw raw;
    define(app, raw);
    std::vector<CommandHelp> list{{"", option_names(app)}};
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App* s) { return !s->get_group().empty(); }))
        list.push_back({sub->get_name(), option_names(*sub)});
    return list;
}

}  // namespace pinion::ctl
