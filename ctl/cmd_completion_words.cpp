// SPDX-License-Identifier: Apache-2.0
// `completion-words`: live names for the shells. It never complains: a shell that completes must stay quiet.
#include "base/units.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/status_screen.h"
#include "ctl/waiting.h"

namespace pinion::ctl {

namespace {

constexpr int last_common_signal = 31;

std::string pool_names(Client& client) {
    std::string text;
    if (auto pools = client.pools())
        for (const PoolRow& pool : *pools) text += pool.name + "\n";
    return text;
}

std::string worker_names(Client& client) {
    std::string text;
    if (auto workers = client.workers(""))
        for (const WorkerRow& worker : *workers) text += worker.name() + "\n";
    return text;
}

}  // namespace

Exit run(const WordsOptions& options, Context& context) {
    if (options.kind == "columns") {
        for (const Column& column : pool_table({}, {}).columns) print(context, column.name + "\n");
        return Exit::done;
    }
    if (options.kind == "signals") {
        for (int number = 1; number <= last_common_signal; ++number) print(context, signal_name(number) + "\n");
        return Exit::done;
    }
    auto client = Client::connect(context.global.runtime_dir);
    if (!client) return Exit::done;
    if (options.kind == "pools" || options.kind == "targets") print(context, pool_names(*client));
    if (options.kind == "workers" || options.kind == "targets") print(context, worker_names(*client));
    return Exit::done;
}

}  // namespace pinion::ctl
