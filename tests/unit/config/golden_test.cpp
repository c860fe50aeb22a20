// SPDX-License-Identifier: Apache-2.0
// Realistic mistakes and the whole text of their diagnostics: golden/NAME.yaml and golden/NAME.txt. After a wanted
// change, run this test with UPDATE_GOLDEN=1 and read the difference. And every input that was ever found by fuzzing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/schema.h"
#include "scratch.h"

namespace pinion::config {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<fs::path> files_in(const fs::path& folder, std::string_view extension) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder))
        if (extension.empty() || entry.path().extension() == extension) files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

TEST(Golden, DiagnosticsReadAsExpected) {
    const auto files = files_in(fs::path(PINION_SOURCE_DIR) / "tests/unit/config/golden", ".yaml");
    ASSERT_GE(files.size(), 10U);
    for (const auto& file : files) {
        auto expected = file;
        expected.replace_extension(".txt");
        LoadOptions options;
        options.path = file.string();
        const std::string actual = diagnostics_of(load(options));
        if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(expected, std::ios::binary) << actual;
        EXPECT_EQ(actual, content(expected)) << file;
    }
}

TEST(Golden, EveryInputOfTheFuzzersCorpusIsAnswered) {
    const auto files = files_in(fs::path(PINION_SOURCE_DIR) / "tests/fuzz/corpus/config", "");
    ASSERT_GE(files.size(), 15U);
    for (const auto& file : files) {
        SCOPED_TRACE(file);
        LoadOptions options;
        options.path = file.string();
        const auto loaded = load(options);
        if (!loaded) {
            EXPECT_TRUE(has_errors(loaded.error()));
            continue;
        }
        const auto again = load_text(to_yaml(*loaded));
        ASSERT_TRUE(again) << diagnostics_of(again);
        for (const auto& [name, spec] : loaded->pools()) EXPECT_EQ(*again->pools().at(name), *spec);
    }
}

}  // namespace
}  // namespace pinion::config
