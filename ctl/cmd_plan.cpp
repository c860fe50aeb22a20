// SPDX-License-Identifier: Apache-2.0
// `plan`: which CPUs each worker would get, on this machine or another, and what a reload would change. But for the
// files that it is told to write it only looks.
#include <filesystem>
#include <optional>

#include "base/fd.h"
#include "cpu/notes.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/configuration.h"
#include "ctl/display.h"
#include "ctl/lock_file.h"
#include "ctl/machine_drawing.h"
#include "ctl/machine_svg.h"
#include "ctl/machine_text.h"
#include "ctl/plan_screen.h"
#include "ctl/planning.h"

namespace pinion::ctl {

namespace {

constexpr std::size_t max_lock_bytes = 4 << 20;

// What is planned, for which machine, and what came of it.
struct Planned {
    const config::Config& config;
    const Machine& machine;
    std::vector<cpu::PoolRequest> requests;
    cpu::Universe universe;
    cpu::Ledger ledger;
    cpu::Plan plan;
};

Planned make_plan(const config::Config& config, const Machine& machine, cpu::Ledger ledger) {
    Planned planned{config, machine, requests_of(config), universe_of(config, machine), std::move(ledger), {}};
    planned.plan = cpu::plan(machine.topology, planned.universe, planned.requests, planned.ledger);
    return planned;
}

// The running daemon is asked only where its own configuration on its own machine is planned.
std::optional<Snapshot> ask_daemon(const PlanOptions& options, const Context& context) {
    if (!options.file.empty() || !options.against.empty() || !options.topology.empty()) return std::nullopt;
    auto client = Client::connect(context.global.runtime_dir);
    if (!client) return std::nullopt;
    auto snapshot = take_snapshot(*client);
    if (!snapshot) return std::nullopt;
    return std::move(*snapshot);
}

Exit report_diagnostics(const Context& context, const std::vector<config::Diagnostic>& diagnostics) {
    const std::string text = diagnostics_text(diagnostics, context.err_traits);
    std::fwrite(text.data(), 1, text.size(), context.err);
    if (context.wants_json()) {
        wire::Json document = plan_document({}, nullptr);
        document.set("diagnostics", diagnostics_json(diagnostics));
        // Whoever reads only "errors" must not take this for an empty, valid plan.
        document.set("errors", wire::Json::array().push(wire::Json::object()
                                                            .set("code", "E_CONFIG")
                                                            .set("pool", "")
                                                            .set("message", "the configuration has errors")));
        print_document(context, document);
    }
    return Exit::failed;
}

Exit outcome(const cpu::Plan& plan) { return plan.errors.empty() ? Exit::done : Exit::failed; }

void print_notes(const cpu::Plan& plan, const Context& context) {
    std::fflush(context.out);
    const std::string notes = notes_text(plan, context.err_traits);
    std::fwrite(notes.data(), 1, notes.size(), context.err);
}

std::string path_of_lock(const PlanOptions& options, const std::string& configuration) {
    if (!options.lock_file.empty()) return options.lock_file;
    std::error_code ignored;
    return lock_path(configuration, std::filesystem::is_directory(configuration, ignored));
}

Exit write_lock(const std::string& path, const Planned& planned, const Context& context) {
    print_notes(planned.plan, context);
    if (!planned.plan.errors.empty())
        return report(context, {Exit::failed, "plan: '" + path + "' is left as it is: the plan has errors"});
    const Lock lock = lock_of(planned.machine, planned.plan);
    if (auto written = write_file_atomically(path, lock_text(lock)); !written)
        return report(context, {Exit::failed, "plan: write the lock: " + written.error().message});
    if (context.wants_json())
        print_document(context, plan_document(planned.plan, nullptr).set("lock", path));
    else
        print(context, "wrote '" + harmless(path) + "': " + cpu::counted(lock.seats.size(), "worker") + "\n");
    return Exit::done;
}

// The plan is a cold one, as after a boot: what a running daemon's seats have become by and by is not asked.
Exit check_lock(const PlanOptions& options, const config::Config& config, const std::string& path, Context& context) {
    const auto refuse_lock = [&](const Error& error) {
        return report(context, {Exit::failed, "plan: read the lock '" + path + "': " + error.message +
                                                  "; 'pinionctl plan --lock' writes one"});
    };
    auto text = read_file(path, max_lock_bytes);
    if (!text) return refuse_lock(text.error());
    auto lock = parse_lock(*text);
    if (!lock) return refuse_lock(lock.error());
    if (!options.topology.empty()) {
        auto machine = find_machine(options.topology);
        if (!machine) return report(context, {Exit::failed, "plan: " + machine.error().message});
        lock->machine = std::move(*machine);
    }
    const Planned planned = make_plan(config, lock->machine, {});
    const auto changes = changes_between(lock->seats, lock_of(lock->machine, planned.plan).seats);
    const Exit exit = changes.empty() ? outcome(planned.plan) : Exit::failed;
    if (context.wants_json()) {
        print_document(
            context, check_document(path, lock->seats.size(), changes).set("errors", notes_json(planned.plan.errors)));
        return exit;
    }
    print_notes(planned.plan, context);
    std::string shown;
    for (const SeatChange& change : changes) shown += paragraph(to_string(change), 4, context.out_traits);
    const std::string name = "'" + harmless(path) + "'";
    shown += changes.empty()
                 ? paragraph(cpu::counted(lock->seats.size(), "worker") + " as in " + name, 4, context.out_traits)
                 : paragraph(cpu::counted(changes.size(), "difference") + " from " + name +
                                 "; where they are meant, say 'pinionctl plan --lock' again",
                             4, context.out_traits);
    print(context, shown);
    return exit;
}

Exit explain_seat(const std::string& worker, const Planned& planned, const Context& context) {
    const auto target = parse_target(worker);
    if (!target) return report(context, target.error());
    if (!target->slot)
        return report(context, {Exit::usage, "--explain wants one worker: '" + worker + "/0', for instance"});
    const cpu::Situation situation{planned.machine.topology, planned.universe, planned.requests, planned.ledger,
                                   planned.plan};
    const auto reason = cpu::find_reason(situation, target->pool, static_cast<std::uint32_t>(*target->slot));
    if (!reason) {
        print_notes(planned.plan, context);
        return report(context, {Exit::not_found, "the plan has no worker '" + worker + "'"});
    }
    if (context.wants_json()) {
        print_document(context, reason_document(*reason));
        return Exit::done;
    }
    for (const std::string& sentence : cpu::sentences(*reason))
        print(context, paragraph(sentence, sentence.starts_with(' ') ? 4 : 2, context.out_traits));
    return Exit::done;
}

// Writes the drawing where it is asked for; whether the answer is given with that.
Answer<bool> write_svg(const PlanOptions& options, const MachineDrawing& drawing, const std::string& configuration,
                       const Context& context) {
    if (options.svg.empty()) return false;
    const std::string svg =
        drawing_svg(drawing, "Seats of " + std::filesystem::path(configuration).filename().string());
    if (options.svg == "-") {
        print(context, svg);
        return true;
    }
    if (auto written = write_file_atomically(options.svg, svg); !written)
        return refuse(Exit::failed, "plan: write the drawing: " + written.error().message);
    return false;
}

Exit show_plan(const PlanOptions& options, const Planned& planned, const std::string& configuration,
               const Comparison* comparison, const Context& context) {
    const MachineDrawing drawing =
        draw_machine(planned.machine.topology, planned.universe, planned.plan, planned.machine.offline);
    const auto answered = write_svg(options, drawing, configuration, context);
    if (!answered) return report(context, answered.error());
    if (context.wants_json() && !*answered) {
        print_document(context, plan_document(planned.plan, comparison));
        return outcome(planned.plan);
    }
    if (!*answered) {
        print(context,
              options.draw ? drawing_text(drawing, context.out_traits) : plan_text(planned.plan, context.out_traits));
        if (comparison != nullptr) print(context, comparison_text(*comparison, context.out_traits));
    }
    print_notes(planned.plan, context);
    return outcome(planned.plan);
}

}  // namespace

Exit run(const PlanOptions& options, Context& context) {
    const bool in_place = options.file.empty();
    const std::string configuration = in_place ? configuration_path(context) : options.file;
    auto config = config::load(load_options(configuration, in_place));
    if (!config) return report_diagnostics(context, config.error());
    if (options.check) return check_lock(options, *config, path_of_lock(options, configuration), context);

    std::optional<Comparison> comparison;
    if (!options.against.empty()) {
        auto before = config::load(load_options(options.against, false));
        if (!before) return report_diagnostics(context, before.error());
        comparison = compare(*before, *config, options.against);
    }

    auto machine = find_machine(options.topology);
    if (!machine) return report(context, {Exit::failed, "plan: " + machine.error().message});
    const auto running = options.lock ? std::nullopt : ask_daemon(options, context);
    const bool keeps = running && !options.rebalance;
    const Planned planned = make_plan(*config, *machine, keeps ? ledger_of(*running, *config) : cpu::Ledger{});
    if (options.lock) return write_lock(path_of_lock(options, configuration), planned, context);
    if (!options.explain.empty()) return explain_seat(options.explain, planned, context);
    if (running) comparison = compare(*running, planned.plan, *config);
    return show_plan(options, planned, configuration, comparison ? &*comparison : nullptr, context);
}

}  // namespace pinion::ctl
