// SPDX-License-Identifier: Apache-2.0
#include "config/merge.h"

#include <string>
#include <unordered_set>

#include "config/keys.h"

namespace pinion::config {
namespace {

const Node& merge_block(const Node& defaults, const Node* own, const std::string& path, Arena& arena);

// The value of an inherited key; the entries of a block are inherited themselves.
const Node* inherit(const Node& value, const std::string& path, Arena& arena) {
    return value.is_map() ? &merge_block(value, nullptr, path, arena) : &value;
}

// Whether the pool's null stands for "no value here", and so takes the default away.
bool removes(const Node& own, const std::string& path) {
    const Key* key = find_key(Section::pool, path);
    return own.is_null() && (key == nullptr || !key->null_is_value);
}

const Node& merge_block(const Node& defaults, const Node* own, const std::string& path, Arena& arena) {
    Node& merged = arena.emplace_back();
    merged.kind = Node::Kind::map;
    merged.place = own != nullptr ? own->place : defaults.place;
    const auto below = [&](const Entry& entry) {
        return path.empty() ? entry.key->text : path + "." + entry.key->text;
    };
    std::unordered_set<std::string_view> known;
    if (own != nullptr) {
        for (const Entry& entry : own->entries) {
            known.insert(entry.key->text);
            const Entry* base = defaults.find(entry.key->text);
            if (base != nullptr && removes(*entry.value, below(entry))) continue;
            Entry copy = entry;
            if (base != nullptr && base->value->is_map() && entry.value->is_map())
                copy.value = &merge_block(*base->value, entry.value, below(entry), arena);
            merged.entries.push_back(copy);
        }
    }
    for (const Entry& entry : defaults.entries) {
        if (!known.insert(entry.key->text).second) continue;
        merged.entries.push_back(
            {.key = entry.key, .value = inherit(*entry.value, below(entry), arena), .inherited = true});
    }
    return merged;
}

}  // namespace

const Node& merge_defaults(const Node& defaults, const Node& pool, Arena& arena) {
    return merge_block(defaults, &pool, "", arena);
}

}  // namespace pinion::config
