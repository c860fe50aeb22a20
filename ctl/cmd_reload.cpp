// SPDX-License-Identifier: Apache-2.0
// `reload`: the daemon reads its configuration again; every reason for a refusal is shown. `rebalance`: the same, and
// all seats are chosen anew.
#include "base/text.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/display.h"

namespace pinion::ctl {

namespace {

// A refusal of a reload has a line for each diagnostic: they are shown as they are, then the verdict.
Exit report_refusal(const Context& context, const Failure& failure) {
    if (context.wants_json())
        print_document(context,
                       wire::Json::object().set("version", 1).set("changed", false).set("error", failure.message));
    if (failure.message.find('\n') == std::string::npos) return report(context, failure);
    for (std::string_view line : split(failure.message, '\n'))
        if (!line.empty()) complain(context, harmless(line));
    return failure.exit;
}

Exit ask_and_tell(Answer<ReloadOutcome> (Client::*ask)(), const Context& context) {
    auto client = Client::connect(context.global.runtime_dir);
    if (!client) return report(context, client.error());
    auto outcome = (*client.*ask)();
    if (!outcome) return report_refusal(context, outcome.error());
    if (context.wants_json()) {
        wire::Json messages = wire::Json::array();
        for (const std::string& message : outcome->messages) messages.push(message);
        print_document(context, wire::Json::object()
                                    .set("version", 1)
                                    .set("changed", outcome->changed)
                                    .set("messages", std::move(messages)));
        return Exit::done;
    }
    for (const std::string& message : outcome->messages)
        print(context, paragraph(harmless(message), 4, context.out_traits));
    if (outcome->messages.empty()) print(context, outcome->changed ? "reloaded\n" : "nothing changed\n");
    return Exit::done;
}

}  // namespace

Exit run(const ReloadOptions&, Context& context) { return ask_and_tell(&Client::reload, context); }

Exit run(const RebalanceOptions&, Context& context) { return ask_and_tell(&Client::rebalance, context); }

}  // namespace pinion::ctl
