// SPDX-License-Identifier: Apache-2.0
// `scale`: another number of workers, until the pool's file says another.
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/interrupt.h"
#include "ctl/waiting.h"

namespace pinion::ctl {

namespace {

Answer<Progress> scale(Client& client, const ScaleOptions& options) {
    client.answer_within(options.timeout);
    PINION_CHECK(client.subscribe());
    PINION_CHECK(client.scale(options.pool, options.workers));
    if (!options.wait) return Progress{};
    return wait_until(client, options.timeout,
                      [&](const Snapshot& now) { return toward_scale(now, options.pool, options.workers); });
}

}  // namespace

Exit run(const ScaleOptions& options, Context& context) {
    auto client = Client::connect(context.global.runtime_dir, options.timeout);
    if (!client) return report(context, client.error());
    set_last_words(nullptr, "pinionctl: interrupted; the daemon carries on\n");
    auto progress = scale(*client, options);
    set_last_words(nullptr, nullptr);
    if (!progress) return report(context, progress.error());
    for (const std::string& trouble : progress->troubles) complain(context, trouble);
    if (!progress->done) complain(context, "scale: not done in time; the daemon carries on");
    const bool ok = progress->done && progress->troubles.empty();
    if (context.wants_json()) print_document(context, wire::Json::object().set("version", 1).set("ok", ok));
    return ok ? Exit::done : Exit::failed;
}

}  // namespace pinion::ctl
