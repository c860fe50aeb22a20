// SPDX-License-Identifier: Apache-2.0
// `kill`: a signal to workers' main processes.
#include "base/units.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/waiting.h"

namespace pinion::ctl {

Exit run(const KillOptions& options, Context& context) {
    if (auto target = parse_target(options.target); !target) return report(context, target.error());
    auto client = Client::connect(context.global.runtime_dir);
    if (!client) return report(context, client.error());
    auto signalled = client->kill(options.target, options.signal);
    if (!signalled) return report(context, signalled.error());
    if (context.wants_json())
        print_document(context, wire::Json::object().set("version", 1).set("signalled", *signalled));
    if (*signalled > 0) return Exit::done;
    complain(context, "send " + signal_name(options.signal) + " to '" + options.target + "': no worker of it runs");
    return Exit::failed;
}

}  // namespace pinion::ctl
