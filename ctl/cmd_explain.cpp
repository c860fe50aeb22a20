// SPDX-License-Identifier: Apache-2.0
// `explain`: one worker's story: where it is, how its earlier lives ended, what comes next.
#include "base/units.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/display.h"
#include "ctl/explain_screen.h"
#include "ctl/placement_now.h"
#include "ctl/waiting.h"

namespace pinion::ctl {

namespace {

// Why the seat; nothing where the daemon, the machine or the configuration does not tell enough.
std::vector<std::string> why_there(Client& client, const Target& target, const Context& context) {
    const auto running = take_snapshot(client);
    if (!running) return {};
    const auto now = read_placement(client, *running, context);
    if (!now) return {};
    return seat_sentences(*now, target.pool, static_cast<std::uint32_t>(*target.slot));
}

}  // namespace

Exit run(const ExplainOptions& options, Context& context) {
    auto target = parse_target(options.worker);
    if (!target) return report(context, target.error());
    if (!target->slot)
        return report(context, {Exit::usage, "explain wants one worker: '" + options.worker + "/0', for instance"});
    auto client = Client::connect(context.global.runtime_dir);
    if (!client) return report(context, client.error());
    auto facts = client->explain(options.worker);
    if (!facts) return report(context, facts.error());
    const std::vector<std::string> seat = why_there(*client, *target, context);
    if (context.wants_json()) {
        wire::Json document = wire::Json::object().set("version", 1);
        for (const auto& [name, value] : facts->members()) document.set(name, value);
        wire::Json sentences = wire::Json::array();
        for (const std::string& sentence : seat) sentences.push(sentence);
        document.set("seat_reason", std::move(sentences));
        print_document(context, document);
        return Exit::done;
    }
    print(context, explain_screen(*facts, seat, context.out_traits, wall_now().time_since_epoch()));
    return Exit::done;
}

}  // namespace pinion::ctl
