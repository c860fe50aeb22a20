// SPDX-License-Identifier: Apache-2.0
#include "config/change.h"

#include <algorithm>

#include "config/keys.h"

namespace pinion::config {
namespace {

bool applies_live(const Key& key, const Draft& before, const Draft& after) {
    return key.applies_live != nullptr ? key.applies_live(before, after) : key.change == ChangeClass::live;
}

Change compare(const PoolSpec& before, const PoolSpec& after) {
    Change change{.kind = ChangeKind::tuned, .pool = after.name};
    const Draft old_draft = draft_of(before);
    const Draft new_draft = draft_of(after);
    for (const Key& key : all_keys()) {
        if (key.section != Section::pool || key.same == nullptr || key.same(old_draft, new_draft)) continue;
        change.fields.emplace_back(key.path);
        if (!applies_live(key, old_draft, new_draft)) change.respawn_fields.emplace_back(key.path);
    }
    // The same name may stand for another number or home than before.
    if (before.identity != after.identity && change.respawn_fields.empty()) {
        change.fields.emplace_back("user");
        change.respawn_fields.emplace_back("user");
    }
    if (!change.respawn_fields.empty())
        change.kind = ChangeKind::replaced;
    else if (change.fields == std::vector<std::string>{"workers"})
        change.kind = ChangeKind::resized;
    return change;
}

}  // namespace

const char* to_string(ChangeKind kind) noexcept {
    switch (kind) {
        case ChangeKind::added: return "added";
        case ChangeKind::removed: return "removed";
        case ChangeKind::resized: return "resized";
        case ChangeKind::replaced: return "replaced";
        case ChangeKind::tuned: return "tuned";
    }
    return "";
}

std::vector<Change> diff(const Config* before, const Config& after) {
    std::vector<Change> changes;
    for (const auto& [name, spec] : after.pools()) {
        const auto* const old_pools = before != nullptr ? &before->pools() : nullptr;
        const auto found = old_pools != nullptr ? old_pools->find(name) : decltype(old_pools->find(name)){};
        if (old_pools == nullptr || found == old_pools->end())
            changes.push_back({.kind = ChangeKind::added, .pool = name});
        else if (*found->second != *spec)
            changes.push_back(compare(*found->second, *spec));
    }
    if (before != nullptr)
        for (const auto& [name, unused] : before->pools())
            if (!after.pools().contains(name)) changes.push_back({.kind = ChangeKind::removed, .pool = name});
    std::ranges::sort(changes, {}, &Change::pool);
    return changes;
}

std::vector<std::string> semaphore_changes(const Config& before, const Config& after) {
    std::vector<std::string> changes;
    const auto say = [&changes](const std::string& name, const std::string& what) {
        changes.push_back("semaphore '" + name + "' " + what);
    };
    const auto permits = [](std::uint32_t count) {
        return std::to_string(count) + (count == 1 ? " permit" : " permits");
    };
    auto names = before.semaphores();
    names.insert(after.semaphores().begin(), after.semaphores().end());
    for (const auto& [name, unused] : names) {
        const auto was = before.semaphores().find(name);
        const auto is = after.semaphores().find(name);
        if (is == after.semaphores().end())
            say(name, "removed");
        else if (was == before.semaphores().end())
            say(name, "added: " + permits(is->second));
        else if (was->second != is->second)
            say(name, "changed: " + permits(is->second) + ", before " + std::to_string(was->second));
    }
    return changes;
}

}  // namespace pinion::config
