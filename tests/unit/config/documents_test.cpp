// SPDX-License-Identifier: Apache-2.0
// What the documents say of the configuration is true: the reference is the table's, and every YAML that a reader may
// copy loads.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/fd.h"
#include "config/config.h"
#include "config/schema.h"

namespace pinion::config {
namespace {

namespace fs = std::filesystem;

const fs::path source = PINION_SOURCE_DIR;

std::string text_of(const fs::path& path) { return read_file(path, 1 << 20).value(); }

// The fenced blocks of a Markdown text that begin with ```yaml.
std::vector<std::string> yaml_blocks(const std::string& text) {
    const std::string fence = "\n```yaml\n";
    std::vector<std::string> blocks;
    for (auto at = text.find(fence); at != std::string::npos; at = text.find(fence, at)) {
        const auto begin = at + fence.size();
        at = text.find("\n```", begin);
        blocks.push_back(text.substr(begin, at - begin) + "\n");
    }
    return blocks;
}

std::string errors_of(const fs::path& path) {
    const auto config = load({.path = path});
    if (config) return "";
    std::string sentences;
    for (const auto& diagnostic : config.error()) sentences += to_string(diagnostic) + "\n";
    return sentences;
}

TEST(Documents, TheReferenceIsTheTables) {
    EXPECT_EQ(text_of(source / "docs/keys.md"), key_reference())
        << "make it anew: pinionctl schema --reference > docs/keys.md";
}

TEST(Documents, EveryYamlBlockLoads) {
    std::string pattern = (fs::temp_directory_path() / "pinion-documents-XXXXXX").string();
    const fs::path folder = ::mkdtemp(pattern.data());
    std::vector<fs::path> pages{source / "README.md"};
    for (const auto& entry : fs::recursive_directory_iterator(source / "docs"))
        if (entry.path().extension() == ".md") pages.push_back(entry.path());
    int blocks = 0;
    for (const auto& page : pages) {
        for (const auto& block : yaml_blocks(text_of(page))) {
            ++blocks;
            std::ofstream(folder / "block.yaml") << block;
            EXPECT_EQ(errors_of(folder / "block.yaml"), "") << page << ":\n" << block;
        }
    }
    fs::remove_all(folder);
    EXPECT_GE(blocks, 1);
}

TEST(Documents, EveryExampleAndTheDefaultLoad) {
    int files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(source / "examples")) {
        if (entry.path().extension() != ".yaml") continue;
        ++files;
        EXPECT_EQ(errors_of(entry.path()), "") << entry.path();
        EXPECT_TRUE(text_of(entry.path()).starts_with("# yaml-language-server: $schema=")) << entry.path();
    }
    EXPECT_GE(files, 10);
    EXPECT_EQ(errors_of(source / "packaging/pinion.yaml"), "");
}

}  // namespace
}  // namespace pinion::config
