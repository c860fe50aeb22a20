// SPDX-License-Identifier: Apache-2.0
// `wait`: join, or with --ready the moment from which all is well.
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/waiting.h"

namespace pinion::ctl {

namespace {

Answer<Progress> wait(Client& client, const WaitOptions& options) {
    client.answer_within(options.timeout);
    PINION_CHECK(client.subscribe());
    PINION_TRY(snapshot, take_snapshot(client));
    for (const std::string& name : options.pools)
        if (find_pool(snapshot, name) == nullptr) return no_such_pool(snapshot, name);
    return wait_until(client, options.timeout, [&](const Snapshot& now) {
        return options.ready ? toward_health(now, options.pools) : toward_rest(now, options.pools);
    });
}

}  // namespace

Exit run(const WaitOptions& options, Context& context) {
    auto client = Client::connect(context.global.runtime_dir, options.timeout);
    if (!client) return report(context, client.error());
    auto progress = wait(*client, options);
    if (!progress) return report(context, progress.error());
    for (const std::string& trouble : progress->troubles) complain(context, trouble);
    if (!progress->done) complain(context, options.ready ? "not ready in time" : "not at rest in time");
    const bool ok = progress->done && progress->troubles.empty();
    if (context.wants_json()) print_document(context, wire::Json::object().set("version", 1).set("ok", ok));
    return ok ? Exit::done : Exit::unhealthy;
}

}  // namespace pinion::ctl
