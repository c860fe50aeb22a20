// SPDX-License-Identifier: Apache-2.0
// `is-healthy`: a question for scripts and monitors, answered by the exit code alone.
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/waiting.h"

namespace pinion::ctl {

Exit run(const HealthOptions& options, Context& context) {
    auto client = Client::connect(context.global.runtime_dir);
    if (!client) return report(context, client.error());
    auto pools = client->pools();
    if (!pools) return report(context, pools.error());
    const Snapshot snapshot{std::move(*pools), {}};
    if (options.pool.empty()) return toward_health(snapshot, {}).done ? Exit::done : Exit::unhealthy;
    const PoolRow* pool = find_pool(snapshot, options.pool);
    if (pool == nullptr) return report(context, no_such_pool(snapshot, options.pool).error());
    return is_healthy(*pool) ? Exit::done : Exit::unhealthy;
}

}  // namespace pinion::ctl
