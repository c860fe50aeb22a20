// SPDX-License-Identifier: Apache-2.0
// The pages of the manual as their writers see them, in scdoc, cut into sections for the tests that compare them with
// the programs and the code.
#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace pinion::manual {

using Words = std::set<std::string>;

struct Section {
    std::string title;
    std::string text;  // up to the next title of the same depth, or of a lesser one
};

inline std::string read_text(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// "piniond.8": its source.
inline std::string page(const std::string& name) {
    return read_text(std::string(PINION_SOURCE_DIR "/packaging/man/") + name + ".scd");
}

// The sections whose title is marked by `mark` ("# " or "## ").
inline std::vector<Section> sections(const std::string& text, const std::string& mark) {
    std::vector<Section> found;
    bool open = false;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto depth = line.starts_with("# ") ? 2U : line.starts_with("## ") ? 3U : 0U;
        if (depth != 0 && depth <= mark.size()) open = depth == mark.size();
        if (depth == mark.size() && depth != 0)
            found.push_back({line.substr(depth), ""});
        else if (open && !found.empty())
            found.back().text += line + "\n";
    }
    return found;
}

// The text of one section of a page; empty where there is none.
inline std::string section(const std::string& name, const std::string& title) {
    for (const auto& each : sections(page(name), "# "))
        if (each.title == title) return each.text;
    return "";
}

// The first group of every match.
inline Words matches(const std::string& text, const std::string& pattern) {
    Words words;
    const std::regex regex(pattern);
    for (auto match = std::sregex_iterator(text.begin(), text.end(), regex); match != std::sregex_iterator(); ++match)
        words.insert((*match)[1]);
    return words;
}

// The lines that begin a definition: bold, at the margin.
inline std::string heads(const std::string& text) {
    std::string found;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("*")) found += line + "\n";
    return found;
}

inline std::string without_backslashes(std::string text) {
    std::erase(text, '\\');
    return text;
}

// What a command prints on both streams.
inline std::string output_of(const std::string& command) {
    std::string text;
    std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return text;
    char buffer[4096];
    while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, n);
    ::pclose(pipe);
    return text;
}

}  // namespace pinion::manual
