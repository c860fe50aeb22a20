// SPDX-License-Identifier: Apache-2.0
// `start`, `stop` and `restart`: tell the daemon, then wait until it is so.
#include <vector>

#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/display.h"
#include "ctl/interrupt.h"
#include "ctl/waiting.h"

namespace pinion::ctl {

namespace {

Answer<std::vector<Target>> parse_targets(const std::vector<std::string>& texts) {
    std::vector<Target> targets;
    for (const std::string& text : texts) {
        PINION_TRY(target, parse_target(text));
        targets.push_back(std::move(target));
    }
    return targets;
}

// Everything named must exist before anything is done: no half-carried-out order because of a typing error.
Answer<void> check_pools(const Snapshot& snapshot, const std::vector<Target>& targets) {
    for (const Target& target : targets)
        if (find_pool(snapshot, target.pool) == nullptr) return no_such_pool(snapshot, target.pool);
    return {};
}

Answer<Progress> act(Client& client, const ActOptions& options) {
    PINION_TRY(targets, parse_targets(options.targets));
    client.answer_within(options.timeout);
    PINION_CHECK(client.subscribe());
    PINION_TRY(snapshot, take_snapshot(client));
    PINION_CHECK(check_pools(snapshot, targets));
    const Generations before = generations_of(snapshot.workers);
    for (const std::string& target : options.targets) PINION_CHECK(client.act(options.verb, target));
    if (!options.wait) return Progress{};
    return wait_until(client, options.timeout, [&](const Snapshot& now) {
        if (options.verb == Verb::stop) return toward_stopped(now, targets);
        return toward_running(now, targets, options.verb == Verb::restart ? &before : nullptr);
    });
}

}  // namespace

Exit run(const ActOptions& options, Context& context) {
    auto client = Client::connect(context.global.runtime_dir, options.timeout);
    if (!client) return report(context, client.error());
    set_last_words(nullptr, "pinionctl: interrupted; the daemon carries on\n");
    auto progress = act(*client, options);
    set_last_words(nullptr, nullptr);
    if (!progress) return report(context, progress.error());
    for (const std::string& trouble : progress->troubles) complain(context, trouble);
    if (!progress->done)
        complain(context, std::string(to_string(options.verb)) + ": not done in time; the daemon carries on");
    const bool ok = progress->done && progress->troubles.empty();
    if (context.wants_json()) print_document(context, wire::Json::object().set("version", 1).set("ok", ok));
    return ok ? Exit::done : Exit::failed;
}

}  // namespace pinion::ctl
