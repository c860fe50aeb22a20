// SPDX-License-Identifier: Apache-2.0
#include "config/reader.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace pinion::config {
namespace {

// What other supervisors call our keys.
constexpr auto other_words =
    std::to_array<std::pair<std::string_view, std::string_view>>({{"cmd", "command"},
                                                                  {"exec", "command"},
                                                                  {"script", "command"},
                                                                  {"args", "command"},
                                                                  {"program", "command"},
                                                                  {"execstart", "command"},
                                                                  {"numprocs", "workers"},
                                                                  {"instances", "workers"},
                                                                  {"replicas", "workers"},
                                                                  {"processes", "workers"},
                                                                  {"environment", "env"},
                                                                  {"environment_file", "env_file"},
                                                                  {"envfile", "env_file"},
                                                                  {"directory", "cwd"},
                                                                  {"working_directory", "cwd"},
                                                                  {"working_dir", "cwd"},
                                                                  {"workdir", "cwd"},
                                                                  {"chdir", "cwd"},
                                                                  {"dir", "cwd"},
                                                                  {"autorestart", "restart.policy"},
                                                                  {"depends_on", "start.after"},
                                                                  {"after", "start.after"},
                                                                  {"requires", "start.after"},
                                                                  {"stopsignal", "stop.signal"},
                                                                  {"kill_signal", "stop.signal"},
                                                                  {"stopwaitsecs", "stop.timeout"},
                                                                  {"kill_timeout", "stop.timeout"},
                                                                  {"stop_grace_period", "stop.timeout"},
                                                                  {"stdout", "log.stdout"},
                                                                  {"stderr", "log.stderr"},
                                                                  {"logging", "log"},
                                                                  {"cpus", "cpu"},
                                                                  {"affinity", "cpu"},
                                                                  {"cpu_affinity", "cpu"},
                                                                  {"ulimits", "limits"},
                                                                  {"rlimits", "limits"},
                                                                  {"groups", "supplementary_groups"},
                                                                  {"type", "kind"},
                                                                  {"backoff", "restart.delay"},
                                                                  {"restart_delay", "restart.delay"}});

std::string other_word_hint(std::string_view key) {
    std::string lower(key);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    for (const auto& [other, ours] : other_words)
        if (lower == other) return "did you mean " + in_quotes(ours) + "?";
    return {};
}

// Reads one section; the blocks of the table are walked, everything else is a codec's.
class SectionReader {
public:
    SectionReader(Section section, Draft& draft, KeyPlaces& places, Report& report)
        : section_(section), draft_(draft), places_(places), report_(report) {}

    void read_block(const Node& map, const std::string& path) {
        for (const Entry& entry : map.entries) {
            const std::string& name = entry.key->text;
            const std::string full = path.empty() ? name : path + "." + name;
            const bool dotted = name.find('.') != std::string::npos;
            const Key* key = dotted ? nullptr : find_key(section_, full);
            if (key != nullptr)
                read_key(*key, entry);
            else if (!dotted && !name.empty() && is_block(section_, full))
                read_inner_block(entry, full);
            else
                report_unknown(entry, path);
        }
    }

private:
    void read_key(const Key& key, const Entry& entry) {
        const std::string path = shown(key.path);
        if (key.stage != Stage::supported)
            return report_.error(entry.key->place, "not-yet", "key " + in_quotes(path) + " is not supported yet");
        if (entry.value->is_null() && !key.null_is_value) return;
        remember(std::string(key.path), entry);
        const std::size_t errors = report_.error_calls();
        key.read(Reading{report_, path}, *entry.value, draft_);
        places_[std::string(key.path)].failed = report_.error_calls() != errors;
    }

    // A block has a place, and so has each of its entries, also those that only a codec knows (`env.MODE`).
    void remember(const std::string& path, const Entry& entry) {
        places_[path] = {.place = entry.key->place, .inherited = entry.inherited};
        if (!entry.value->is_map()) return;
        for (const Entry& inner : entry.value->entries)
            places_[path + "." + inner.key->text] = {.place = inner.key->place, .inherited = inner.inherited};
    }

    void read_inner_block(const Entry& entry, const std::string& path) {
        if (entry.value->is_null()) return;
        if (entry.value->is_map()) {
            places_[path] = {.place = entry.key->place, .inherited = entry.inherited};
            return read_block(*entry.value, path);
        }
        const auto names = names_below(section_, path, false);
        if (names.empty())
            return report_.error(entry.key->place, "not-yet",
                                 "key " + in_quotes(shown(path)) + " is not supported yet");
        report_.error(entry.value->place, "wrong-type",
                      in_quotes(shown(path)) + ": expected a map of keys, found " + describe(*entry.value),
                      block_hint(path, *entry.value, names));
    }

    // `restart: always` and its like: which of the block's keys takes this value.
    std::string block_hint(const std::string& path, const Node& value, const std::vector<std::string_view>& names) {
        for (const auto name : names) {
            Report silent;
            Draft scratch;
            const Key* key = find_key(section_, path + "." + std::string(name));
            if (!value.is_scalar() || key == nullptr || key->read == nullptr) continue;
            key->read(Reading{silent, {}}, value, scratch);
            if (!silent.has_errors())
                return "did you mean {" + std::string(name) + ": " + printable(value.text, 40) + "}?";
        }
        return "its keys are " + either(names);
    }

    void report_unknown(const Entry& entry, const std::string& path) {
        const std::string& name = entry.key->text;
        const bool in_pool = section_ == Section::pool;
        // Another program's word is meant as it is there, whatever of ours it looks like.
        std::string hint = in_pool && path.empty() ? other_word_hint(name) : std::string();
        if (hint.empty()) hint = did_you_mean(name, names_below(section_, path, true));
        if (hint.empty() && in_pool) hint = pool_key_hint(name);
        const std::string full = path.empty() ? name : path + "." + name;
        report_.error(entry.key->place, "unknown-key", "unknown key " + in_quotes(shown(full)), std::move(hint));
    }

    // Keys of pools are named as in the pool, those of other sections with the section.
    [[nodiscard]] std::string shown(std::string_view path) const {
        return section_ == Section::pool ? std::string(path)
                                         : std::string(to_string(section_)) + "." + std::string(path);
    }

    Section section_;
    Draft& draft_;
    KeyPlaces& places_;
    Report& report_;
};

}  // namespace

void read_section(Section section, const Node& map, Draft& draft, KeyPlaces& places, Report& report) {
    SectionReader(section, draft, places, report).read_block(map, "");
}

std::string pool_key_hint(std::string_view key) {
    if (find_key(Section::pool, key) != nullptr && key.find('.') != std::string_view::npos) {
        const auto dot = key.find('.');
        return "write " + std::string(key.substr(0, dot)) + ": {" + std::string(key.substr(dot + 1)) + ": ...}";
    }
    if (auto hint = other_word_hint(key); !hint.empty()) return hint;
    // A key of a block, written one level too high or in the wrong block.
    const auto inner = std::ranges::find_if(all_keys(), [&](const Key& row) {
        const auto dot = row.path.find('.');
        return row.section == Section::pool && dot != std::string_view::npos && row.path.substr(dot + 1) == key;
    });
    return inner != all_keys().end() ? "did you mean " + in_quotes(inner->path) + "?" : std::string();
}

}  // namespace pinion::config
