// SPDX-License-Identifier: Apache-2.0
// `plan`: which CPUs each worker would get, on this machine or another, and what a reload would change. It only looks.
#include <unistd.h>

#include <optional>

#include "cpu/machine.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/configuration.h"
#include "ctl/plan_screen.h"

namespace pinion::ctl {

namespace {

struct Machine {
    cpu::Topology topology;
    cpu::MachineLimits limits;
};

// This machine, or the one described: a file is lstopo's XML, everything else a synthetic description.
Result<Machine> find_machine(const std::string& described) {
    if (described.empty()) {
        PINION_TRY(topology, cpu::read_machine());
        PINION_TRY(limits, cpu::read_limits());
        return Machine{std::move(topology), std::move(limits)};
    }
    const bool file = described.ends_with(".xml") || ::access(described.c_str(), R_OK) == 0;
    PINION_TRY(topology, file ? cpu::from_xml(described) : cpu::from_synthetic(described));
    const CpuSet all = topology.root.cpus;
    return Machine{std::move(topology), {.inherited = all}};
}

cpu::Plan make_plan(const config::Config& config, const Machine& machine, const cpu::Ledger& ledger) {
    std::vector<cpu::PoolRequest> requests;
    for (const auto& [name, spec] : config.pools())
        requests.push_back({.pool = name, .workers = spec->workers, .cpu = spec->cpu});
    const cpu::Universe universe = cpu::universe_of(machine.limits, machine.topology, config.machine());
    return cpu::plan(machine.topology, universe, requests, ledger);
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

}  // namespace

Exit run(const PlanOptions& options, Context& context) {
    const bool in_place = options.file.empty();
    auto config = config::load(load_options(in_place ? configuration_path(context) : options.file, in_place));
    if (!config) return report_diagnostics(context, config.error());

    std::optional<Comparison> comparison;
    if (!options.against.empty()) {
        auto before = config::load(load_options(options.against, false));
        if (!before) return report_diagnostics(context, before.error());
        comparison = compare(*before, *config, options.against);
    }

    auto machine = find_machine(options.topology);
    if (!machine) return report(context, {Exit::failed, "plan: " + machine.error().message});
    const auto running = ask_daemon(options, context);
    const cpu::Plan plan = make_plan(*config, *machine, running ? ledger_of(*running, *config) : cpu::Ledger{});
    if (running) comparison = compare(*running, plan, *config);

    const Comparison* compared = comparison ? &*comparison : nullptr;
    if (context.wants_json()) {
        print_document(context, plan_document(plan, compared));
    } else {
        print(context, plan_text(plan, compared, context.out_traits));
        std::fflush(context.out);
        const std::string notes = notes_text(plan, context.err_traits);
        std::fwrite(notes.data(), 1, notes.size(), context.err);
    }
    return plan.errors.empty() ? Exit::done : Exit::failed;
}

}  // namespace pinion::ctl
