// SPDX-License-Identifier: Apache-2.0
// The effective configuration as YAML: every value that is set, and beside it where it was written.
#include "base/text.h"
#include "config/keys.h"
#include "config/schema.h"

namespace pinion::config {
namespace {

// Writes one section, opening blocks as keys of them come.
class SectionWriter {
public:
    SectionWriter(const Config& config, std::string pool, std::string prefix, std::size_t indent)
        : config_(config), pool_(std::move(pool)), prefix_(std::move(prefix)), indent_(indent) {}

    std::string write(Section section, const Draft& draft) {
        for (const Key& key : all_keys()) {
            if (key.section != section || key.print == nullptr) continue;
            if (key.jobs_only && draft.pool.kind != PoolKind::jobs) continue;
            const Printed printed = key.print(draft);
            if (printed.set) write_key(std::string(key.path), printed);
        }
        return std::move(text_);
    }

private:
    void write_key(const std::string& path, const Printed& printed) {
        const auto dot = path.find('.');
        const std::string block = dot == std::string::npos ? std::string() : path.substr(0, dot);
        if (block != block_ && !block.empty()) line(indent_, block + ":", "");
        block_ = block;
        const std::size_t depth = indent_ + (block.empty() ? 0 : 2);
        const std::string name = block.empty() ? path : path.substr(dot + 1);
        if (printed.entries.empty()) return line(depth, name + ": " + printed.text, origin(path));
        line(depth, name + ":", origin(path));
        for (const auto& [key, value] : printed.entries)
            line(depth + 2, key + ": " + value, origin(path + "." + bare(key)));
    }

    // The key of an entry without the quotes that it may need; only keys that need none have a place to show.
    static std::string bare(const std::string& key) {
        const bool quotes = key.size() >= 2 && key.front() == '"';
        return quotes ? key.substr(1, key.size() - 2) : key;
    }

    [[nodiscard]] std::string origin(const std::string& path) const {
        const auto found = config_.origin(pool_, prefix_ + path);
        return found ? printable(found->file, 4096) + ":" + std::to_string(found->line) : std::string();
    }

    void line(std::size_t indent, const std::string& content, const std::string& comment) {
        text_.append(indent, ' ').append(content);
        if (!comment.empty()) text_.append("  # ").append(comment);
        text_ += '\n';
    }

    const Config& config_;
    std::string pool_;
    std::string prefix_;
    std::size_t indent_;
    std::string block_;
    std::string text_;
};

std::string semaphores_text(const Config& config) {
    if (config.semaphores().empty()) return {};
    std::string text = "semaphores:\n";
    for (const auto& [name, permits] : config.semaphores()) {
        const auto origin = config.origin("", "semaphores." + name);
        text += "  " + yaml_text(name) + ": " + std::to_string(permits);
        if (origin) text += "  # " + printable(origin->file, 4096) + ":" + std::to_string(origin->line);
        text += '\n';
    }
    return text;
}

}  // namespace

std::string to_yaml(const Config& config) {
    Draft global;
    global.daemon = config.daemon();
    global.machine = config.machine();
    std::string text = "version: 1\ndaemon:\n";
    text += SectionWriter(config, "", "daemon.", 2).write(Section::daemon, global);
    text += "machine:\n" + SectionWriter(config, "", "machine.", 2).write(Section::machine, global);
    text += semaphores_text(config);
    if (config.pools().empty()) return text + "pools: {}\n";
    text += "pools:\n";
    for (const auto& [name, spec] : config.pools()) {
        const auto origin = config.origin(name, "");
        text += "  " + yaml_text(name) + ":";
        if (origin) text += "  # " + printable(origin->file, 4096) + ":" + std::to_string(origin->line);
        text += "\n" + SectionWriter(config, name, "", 4).write(Section::pool, draft_of(*spec));
    }
    return text;
}

}  // namespace pinion::config
