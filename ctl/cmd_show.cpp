// SPDX-License-Identifier: Apache-2.0
// `show`: every fact about a pool or a worker as KEY=VALUE, for shells; what `systemctl show` is to units.
#include <algorithm>
#include <cctype>

#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/display.h"
#include "ctl/waiting.h"

namespace pinion::ctl {

namespace {

// "memory_bytes" → "MemoryBytes".
std::string key_of(std::string_view member) {
    std::string key;
    bool up = true;
    for (const char c : member) {
        if (c != '_') key += up ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
        up = c == '_';
    }
    return key;
}

std::string value_of(const wire::Json& value) {
    if (value.is_null()) return "";
    if (const std::string* text = value.as_string()) return harmless(*text);
    if (const auto flag = value.as_bool()) return *flag ? "yes" : "no";
    return value.dump();
}

Answer<wire::Json> find_members(Client& client, const Target& target, const std::string& text) {
    PINION_TRY(snapshot, take_snapshot(client));
    const PoolRow* pool = find_pool(snapshot, target.pool);
    if (pool == nullptr) return no_such_pool(snapshot, target.pool);
    if (!target.slot) return pool->members;
    for (const WorkerRow& worker : snapshot.workers)
        if (target.covers(worker)) return worker.members;
    return refuse(Exit::not_found, "there is no worker '" + text + "'; see 'pinionctl status " + target.pool + "'");
}

bool is_wanted(const ShowOptions& options, const std::string& key) {
    return options.properties.empty() || std::ranges::find(options.properties, key) != options.properties.end();
}

}  // namespace

Exit run(const ShowOptions& options, Context& context) {
    auto target = parse_target(options.target);
    if (!target) return report(context, target.error());
    auto client = Client::connect(context.global.runtime_dir);
    if (!client) return report(context, client.error());
    auto members = find_members(*client, *target, options.target);
    if (!members) return report(context, members.error());
    wire::Json document = wire::Json::object().set("version", 1);
    std::string text;
    for (const auto& [name, value] : members->members()) {
        const std::string key = key_of(name);
        if (!is_wanted(options, key) && !is_wanted(options, name)) continue;
        document.set(name, value);
        text += key + "=" + value_of(value) + "\n";
    }
    if (context.wants_json())
        print_document(context, document);
    else
        print(context, text);
    return Exit::done;
}

}  // namespace pinion::ctl
