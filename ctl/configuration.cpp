// SPDX-License-Identifier: Apache-2.0
#include "ctl/configuration.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/fd.h"
#include "base/text.h"
#include "ctl/client.h"
#include "ctl/display.h"
#include "ctl/paths.h"
#include "model/limits.h"

namespace pinion::ctl {

namespace {

// Files by name, each read once; one that can't be read has no lines to show.
class Sources {
public:
    std::string line(const std::string& file, int number) {
        auto [entry, fresh] = files_.try_emplace(file);
        if (fresh)
            if (auto content = read_file(file, limits::max_file_bytes)) entry->second = std::move(*content);
        const auto lines = split(entry->second, '\n');
        const auto index = static_cast<std::size_t>(number - 1);
        return number >= 1 && index < lines.size() ? std::string(lines[index]) : std::string();
    }

private:
    std::map<std::string, std::string> files_;
};

// The source line and a caret under `column` (in characters, from 1); the window moves so that the caret is in sight.
std::string excerpt(std::string line, int column, const TerminalTraits& traits) {
    std::ranges::replace(line, '\t', ' ');
    line = harmless(line);
    if (!traits.utf8) line = to_ascii(line);
    if (trim(line).empty() || column < 1) return "";
    std::size_t before = 0;  // bytes of the characters before the column
    for (int i = 1; i < column && before < line.size(); ++i) {
        ++before;
        while (before < line.size() && (static_cast<unsigned char>(line[before]) & 0xC0U) == 0x80) ++before;
    }
    constexpr std::size_t margin = 4;
    const std::size_t room = traits.width - margin;
    std::size_t caret = display_width(line.substr(0, before));
    if (caret >= room) {
        line = line.substr(before);
        caret = 0;
    }
    const std::string shown = cut_to_width(line, room, traits.utf8 ? "…" : "...");
    return std::string(margin, ' ') + shown + "\n" + std::string(margin + caret, ' ') +
           paint("^", Colour::green, traits) + "\n";
}

}  // namespace

std::string configuration_path(const Context& context) {
    if (!context.global.config.empty()) return context.global.config;
    if (auto client = Client::connect(context.global.runtime_dir))
        if (auto stats = client->stats())
            if (const wire::Json* path = stats->find("config"); path != nullptr && path->as_string() != nullptr)
                return *path->as_string();
    return default_config(read_surroundings());
}

config::LoadOptions load_options(const std::string& path, bool in_place) {
    config::LoadOptions options;
    options.path = path;
    options.refuse_unsafe_files = in_place && ::geteuid() == 0;
    for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view variable(*entry);
        const std::size_t equals = variable.find('=');
        if (equals != std::string_view::npos)
            options.environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
    }
    return options;
}

std::string diagnostics_text(std::span<const config::Diagnostic> diagnostics, const TerminalTraits& traits) {
    Sources sources;
    std::string text;
    for (const config::Diagnostic& diagnostic : diagnostics) {
        std::string line = harmless(config::to_string(diagnostic));
        const bool error = diagnostic.severity == config::Severity::error;
        const std::string word = error ? ": error: " : ": warning: ";
        if (const std::size_t at = line.find(word); at != std::string::npos)
            line.replace(at + 2, word.size() - 4,
                         paint(error ? "error" : "warning", error ? Colour::red : Colour::yellow, traits));
        text += paragraph(line, 4, traits);
        if (traits.tty) text += excerpt(sources.line(diagnostic.file, diagnostic.line), diagnostic.column, traits);
    }
    return text;
}

wire::Json diagnostics_json(std::span<const config::Diagnostic> diagnostics) {
    wire::Json list = wire::Json::array();
    for (const config::Diagnostic& diagnostic : diagnostics)
        list.push(wire::Json::object()
                      .set("file", diagnostic.file)
                      .set("line", diagnostic.line)
                      .set("column", diagnostic.column)
                      .set("severity", diagnostic.severity == config::Severity::error ? "error" : "warning")
                      .set("code", diagnostic.code)
                      .set("message", diagnostic.message)
                      .set("hint", diagnostic.hint));
    return list;
}

}  // namespace pinion::ctl
