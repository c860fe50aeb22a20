// SPDX-License-Identifier: Apache-2.0
// From files to a Config, in explicit stages: text, tree, drafts, specifications. Each stage reports all it finds.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "config/codec_jobs.h"
#include "config/config.h"
#include "config/document.h"
#include "config/env_file.h"
#include "config/identity.h"
#include "config/job_rules.h"
#include "config/merge.h"
#include "config/reader.h"
#include "config/rules.h"
#include "config/source.h"
#include "model/limits.h"

namespace pinion::config {

// Builds one Config. The places of all diagnostics point to the names in `sources_` and `env_texts_`.
class Builder {
public:
    explicit Builder(const LoadOptions& options) : options_(options) {}

    std::expected<Config, std::vector<Diagnostic>> build() {
        sources_ = read_sources(options_, report_);
        complete_ = !report_.has_errors();
        for (const Source& source : sources_) read_source(source);
        if (check_merged_size())
            for (const auto& entry : pool_nodes_) {
                if (report_.full()) break;
                read_pool(*entry.key, *entry.value);
            }
        check_pools(pools_, complete_, report_);
        if (complete_ && semaphores_known_) check_semaphores(pools_, semaphores_, report_);
        if (sources_.empty() && !report_.has_errors()) {
            report_.warning({.file = &options_.path}, "no-pools", "no pinion.yaml and no pools.d/*.yaml in the folder");
        }
        const bool failed = report_.has_errors();
        auto diagnostics = report_.take();
        if (failed) return std::unexpected(std::move(diagnostics));
        return finish(std::move(diagnostics));
    }

private:
    void read_source(const Source& source) {
        const Node* root = parse_document(source.text, source.file, arena_, report_);
        if (root == nullptr) complete_ = false;
        if (root == nullptr || root->is_null()) return;
        if (!root->is_map())
            return report_.error(root->place, "wrong-type", "expected a map of keys, found " + describe(*root),
                                 "begin with 'pools:'");
        for (const Entry& entry : root->entries) read_top_key(source, entry);
    }

    void read_top_key(const Source& source, const Entry& entry) {
        static constexpr std::string_view main_only[] = {"daemon", "machine", "semaphores", "defaults"};
        static constexpr std::string_view known[] = {"version", "daemon", "machine", "semaphores", "defaults", "pools"};
        const std::string_view key = entry.key->text;
        if (key == "version") return read_version(*entry.value);
        if (key == "pools") return read_pools(*entry.value);
        if (std::ranges::find(main_only, key) == std::end(main_only))
            return report_.error(entry.key->place, "unknown-key", "unknown key " + in_quotes(key),
                                 top_key_hint(entry, known));
        if (!source.main)
            return report_.error(entry.key->place, "misplaced-key",
                                 "key " + in_quotes(key) + " may stand in pinion.yaml only");
        if (entry.value->is_null()) return;
        if (key == "semaphores") return read_semaphores(entry);
        if (!entry.value->is_map())
            return report_.error(entry.value->place, "wrong-type",
                                 in_quotes(key) + ": expected a map of keys, found " + describe(*entry.value));
        if (key == "defaults") return read_defaults(*entry.value);
        const Section section = key == "daemon" ? Section::daemon : Section::machine;
        KeyPlaces places;
        read_section(section, *entry.value, global_, places, report_);
        for (const auto& [path, place] : places) global_places_[std::string(key) + "." + path] = place;
    }

    void read_semaphores(const Entry& entry) {
        const std::size_t errors = report_.error_calls();
        SemaphoresCodec::read(Reading{report_, "semaphores"}, *entry.value, semaphores_);
        semaphores_known_ = report_.error_calls() == errors;
        for (const Entry& inner : entry.value->entries)
            global_places_["semaphores." + inner.key->text] = {.place = inner.key->place};
    }

    static std::string top_key_hint(const Entry& entry, std::span<const std::string_view> known) {
        if (entry.value->is_map() && entry.value->find("command") != nullptr) return "a pool stands below 'pools:'";
        std::string hint = did_you_mean(entry.key->text, known);
        if (hint.empty() && find_key(Section::pool, entry.key->text) != nullptr)
            hint = "it is a key of a pool, below 'pools:' and its name";
        return hint;
    }

    void read_version(const Node& node) {
        const Reading reading{report_, "version"};
        const auto version = read_integer(reading, node, {0, 1'000'000});
        if (version && *version != 1)
            reading.error(node, "bad-value", std::to_string(*version) + " is not known; this program reads version 1");
    }

    // Read once on its own, so that its mistakes are told where there is no pool as well.
    void read_defaults(const Node& node) {
        defaults_ = &node;
        Draft scratch;
        KeyPlaces places;
        read_section(Section::pool, node, scratch, places, report_);
    }

    void read_pools(const Node& node) {
        if (node.is_null()) return;
        if (!node.is_map())
            return report_.error(node.place, "wrong-type",
                                 "'pools': expected a map of names to pools, found " + describe(node),
                                 node.is_list() ? "write NAME: {...} instead of a list" : "");
        for (const Entry& entry : node.entries) {
            const auto name = read_name(Reading{report_, "pools"}, *entry.key);
            if (!name) continue;
            const auto [first, is_new] = pool_names_.emplace(*name, entry.key);
            if (!is_new) {
                report_.error(entry.key->place, "duplicate-key",
                              "pool " + in_quotes(*name) + " is declared a second time",
                              "the first is at " + seen_from(first->second->place, entry.key->place));
            } else if (pool_names_.size() == limits::max_pools + 1) {
                report_.error(entry.key->place, "out-of-range",
                              "more than " + std::to_string(limits::max_pools) + " pools are declared");
            } else if (pool_names_.size() <= limits::max_pools) {
                pool_nodes_.push_back(entry);
            }
        }
    }

    // What `defaults` becomes under all pools is bounded as aliases are: it is the same kind of multiplication.
    bool check_merged_size() {
        if (defaults_ == nullptr) return true;
        const bool fits = defaults_->values * pool_nodes_.size() <= limits::max_config_nodes &&
                          defaults_->bytes * pool_nodes_.size() <= 16 * limits::max_config_bytes;
        if (!fits)
            report_.error(
                defaults_->place, "too-large",
                "'defaults' is too large to be merged under " + std::to_string(pool_nodes_.size()) + " pools");
        return fits;
    }

    void read_pool(const Node& name, const Node& node) {
        static const Node empty{.kind = Node::Kind::map};
        if (!node.is_null() && !node.is_map())
            return report_.error(node.place, "wrong-type",
                                 "pool " + in_quotes(name.text) + ": expected a map of keys, found " + describe(node));
        const Node& own = node.is_null() ? empty : node;
        const Node& merged = defaults_ == nullptr ? own : merge_defaults(*defaults_, own, arena_);
        ReadPool& pool = pools_[name.text];
        pool.place = name.place;
        pool.draft.pool.name = name.text;
        read_section(Section::pool, merged, pool.draft, pool.places, report_);
        if (!pool.places.contains("command") && !misspells_command(merged))
            report_.error(name.place, "missing-key", "pool " + in_quotes(name.text) + ": key 'command' is missing");
        check_pool(pool, report_);
        resolve_environment(pool);
        pool.draft.pool.jobs = resolve_jobs(pool, report_);
        pool.draft.pool.identity = resolve_identity(pool.draft, report_);
    }

    // Whether an unknown key is told as meaning `command`: then it is not missing as well.
    static bool misspells_command(const Node& pool) {
        static constexpr std::string_view command[] = {"command"};
        return std::ranges::any_of(pool.entries, [](const Entry& entry) {
            const std::string& key = entry.key->text;
            return find_key(Section::pool, key) == nullptr &&
                   (!did_you_mean(key, command).empty() || pool_key_hint(key) == "did you mean 'command'?");
        });
    }

    // `pass_env`, over it the files in their order, over them `env`. What does not come from `env` is taken as it is,
    // so its dollars are doubled.
    void resolve_environment(ReadPool& pool) {
        auto& env = pool.draft.pool.env;
        const auto own = env;
        for (const auto& name : pool.draft.pass_env)
            if (!contradicts_seat(name, pool)) pass_variable(name, pool);
        for (const auto& file : pool.draft.env_files) {
            for (const auto& [name, value] : env_file(file)) {
                env[name] = escape_dollars(value.value);
                if (!own.contains(name)) pool.places["env." + name] = {.place = value.place};
            }
        }
        for (const auto& [name, value] : own) env[name] = value;
    }

    // What the daemon was told about binding its own threads is not meant for a worker with a seat.
    bool contradicts_seat(const Placed<std::string>& name, const ReadPool& pool) {
        const bool binds = std::ranges::find(binding_variables, name.value) != std::end(binding_variables);
        const CpuRequest& cpu = pool.draft.pool.cpu;
        if (!binds || pool.draft.pool.env.contains(name.value) || std::holds_alternative<CpuNone>(cpu) ||
            threads_env_of(cpu).is_off())
            return false;
        report_.warning(
            name.place, "no-effect",
            in_quotes(name.value) + " is not passed on: it would bind threads to CPUs beside the worker's seat",
            "give it a value in 'env', or set threads_env: off in the 'cpu' block");
        return true;
    }

    void pass_variable(const Placed<std::string>& name, ReadPool& pool) {
        const auto found = options_.environment.find(name.value);
        if (found == options_.environment.end()) return;
        auto& env = pool.draft.pool.env;
        if (!is_valid_utf8(found->second))
            return report_.error(name.place, "encoding", "the daemon's " + in_quotes(name.value) + " is not UTF-8");
        const bool is_new = env.emplace(name.value, escape_dollars(found->second)).second;
        if (is_new) pool.places["env." + name.value] = {.place = name.place};
    }

    // Each file is read once, however many pools name it.
    const EnvValues& env_file(const Placed<std::string>& file) {
        const auto [at, is_new] = env_files_.try_emplace(file.value);
        if (!is_new) return at->second;
        const auto text = read_regular_file(file.value, limits::max_env_file_bytes, false);
        if (!text) {
            const std::string& message = text.error().message;
            const bool named = message.find(file.value) != std::string::npos;
            report_.error(file.place, "unreadable",
                          "'env_file': " + (named ? message : "read " + in_quotes(file.value) + ": " + message));
            return at->second;
        }
        at->second = parse_env_file(*text, at->first, report_);
        return at->second;
    }

    Config finish(std::vector<Diagnostic> warnings) {
        Config config;
        config.daemon_ = global_.daemon;
        config.machine_ = global_.machine;
        config.semaphores_ = std::move(semaphores_);
        config.origins_[""] = origins_of(global_places_);
        for (auto& [name, pool] : pools_) {
            auto& origins = config.origins_[name] = origins_of(pool.places);
            origins[""] = origin_of(pool.place);
            config.pools_[name] = std::make_shared<const PoolSpec>(std::move(pool.draft.pool));
        }
        for (const Source& source : sources_) config.files_.push_back(source.file);
        config.warnings_ = std::move(warnings);
        return config;
    }

    static Origin origin_of(const Place& place) { return {*place.file, place.line, place.column}; }
    static std::map<std::string, Origin> origins_of(const KeyPlaces& places) {
        std::map<std::string, Origin> origins;
        for (const auto& [key, where] : places) origins[key] = origin_of(where.place);
        return origins;
    }

    const LoadOptions& options_;
    Report report_;
    std::deque<Source> sources_;
    Arena arena_;
    const Node* defaults_ = nullptr;
    std::map<std::string, const Node*> pool_names_;  // where each name stands first
    std::vector<Entry> pool_nodes_;
    std::map<std::string, EnvValues> env_files_;
    bool complete_ = true;  // every file could be read
    Draft global_;
    KeyPlaces global_places_;
    Semaphores semaphores_;
    bool semaphores_known_ = true;  // none was refused
    std::map<std::string, ReadPool> pools_;
};

std::expected<Config, std::vector<Diagnostic>> load(const LoadOptions& options) { return Builder(options).build(); }

std::optional<Origin> Config::origin(const std::string& pool, const std::string& key) const {
    const auto keys = origins_.find(pool);
    if (keys == origins_.end()) return std::nullopt;
    const auto found = keys->second.find(key);
    return found == keys->second.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace pinion::config
