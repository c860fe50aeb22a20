// SPDX-License-Identifier: Apache-2.0
// pinion.yaml(5) has a place for every key of the reader's table and for no other, and its examples load.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/fd.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/schema.h"

namespace pinion::config {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string template_text() { return read_file(PINION_SOURCE_DIR "/packaging/man/pinion.yaml.5.scd", 1 << 20).value(); }

std::string name_of(const Key& key) {
    return key.section == Section::pool ? std::string(key.path)
                                        : std::string(to_string(key.section)) + "." + std::string(key.path);
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

// What follows `before` in lines that are "BEFORE…AFTER".
std::vector<std::string> between(const std::string& text, const std::string& before, const std::string& after) {
    std::vector<std::string> found;
    for (const auto& line : lines_of(text))
        if (line.starts_with(before) && line.ends_with(after))
            found.push_back(line.substr(before.size(), line.size() - before.size() - after.size()));
    return found;
}

std::vector<std::string> supported_keys() {
    std::vector<std::string> names;
    for (const Key& key : all_keys())
        if (key.stage == Stage::supported) names.push_back(name_of(key));
    return names;
}

TEST(ManualOfKeys, HasAPlaceForEachKeyOnceAndForNoOther) {
    EXPECT_THAT(between(template_text(), "@key ", "@"), testing::UnorderedElementsAreArray(supported_keys()));
    EXPECT_EQ(between(template_text(), "@later", "@").size(), 1U);
}

TEST(ManualOfKeys, IsMadeWithAnEntryForEachKey) {
    const std::string text = key_manual();
    EXPECT_EQ(between(text, "; key ", ""), supported_keys());
    EXPECT_THAT(
        text,
        HasSubstr("*restart.max\\_delay*: duration; default *30s*; live\n\tWhat the growing wait is capped at.\n"));
    EXPECT_THAT(text, HasSubstr("*user*: name or number; unset by default; respawn\n"));
    EXPECT_THAT(text, HasSubstr("*daemon.watch*: true or false; default *true*; live\n"));
    EXPECT_THAT(text, HasSubstr("; live between priorities, else respawn\n"));
}

TEST(ManualOfKeys, NamesTheKeysThatAreStillToCome) {
    const std::string text = key_manual();
    const auto later = text.find("; later\n");
    ASSERT_NE(later, std::string::npos);
    for (const Key& key : all_keys()) {
        std::string name;
        for (const char c : name_of(key)) name.append(c == '_' ? "\\_" : std::string(1, c));
        const bool named = text.find("*" + name + "*", later) != std::string::npos;
        EXPECT_EQ(named, key.stage != Stage::supported) << name;
    }
}

// The literal blocks that are whole configurations, by the section that they stand in.
std::map<std::string, std::vector<std::string>> examples() {
    std::map<std::string, std::vector<std::string>> found;
    std::string section;
    std::string block;
    bool literal = false;
    for (const auto& line : lines_of(template_text())) {
        if (line.starts_with("# ") && !literal) section = line.substr(2);
        if (line == "```") {
            if (literal && (block.starts_with("pools:") || block.starts_with("defaults:")))
                found[section].push_back(block);
            literal = !literal;
            block.clear();
        } else if (literal) {
            block += line + "\n";
        }
    }
    return found;
}

// Those of one section may name each other's pools, so they are loaded together.
TEST(ManualOfKeys, ItsExamplesLoad) {
    int blocks = 0;
    for (const auto& [section, texts] : examples()) {
        std::string pattern = (fs::temp_directory_path() / "pinion-manual-XXXXXX").string();
        const fs::path folder = ::mkdtemp(pattern.data());
        fs::create_directory(folder / "pools.d");
        for (const auto& text : texts) {
            ++blocks;
            const bool main = text.starts_with("defaults:");
            std::ofstream(main ? folder / "pinion.yaml" : folder / "pools.d" / (std::to_string(blocks) + ".yaml"))
                << text;
        }
        const auto config = load({.path = folder});
        std::string errors;
        if (!config)
            for (const auto& diagnostic : config.error()) errors += to_string(diagnostic) + "\n";
        EXPECT_EQ(errors, "") << section;
        const auto warnings = config ? config->warnings() : std::vector<Diagnostic>{};
        EXPECT_TRUE(warnings.empty()) << section << ": " << to_string(warnings.front());
        fs::remove_all(folder);
    }
    EXPECT_GE(blocks, 6);
}

}  // namespace
}  // namespace pinion::config
