// SPDX-License-Identifier: Apache-2.0
// `explain`: one worker's story: where it is, how its earlier lives ended, what comes next.
#include "base/units.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/display.h"
#include "ctl/explain_screen.h"
#include "ctl/waiting.h"

namespace pinion::ctl {

Exit run(const ExplainOptions& options, Context& context) {
    auto target = parse_target(options.worker);
    if (!target) return report(context, target.error());
    if (!target->slot)
        return report(context, {Exit::usage, "explain wants one worker: '" + options.worker + "/0', for instance"});
    auto client = Client::connect(context.global.runtime_dir);
    if (!client) return report(context, client.error());
    auto facts = client->explain(options.worker);
    if (!facts) return report(context, facts.error());
    if (context.wants_json()) {
        wire::Json document = wire::Json::object().set("version", 1);
        for (const auto& [name, value] : facts->members()) document.set(name, value);
        print_document(context, document);
        return Exit::done;
    }
    print(context, explain_screen(*facts, context.out_traits, wall_now().time_since_epoch()));
    return Exit::done;
}

}  // namespace pinion::ctl
