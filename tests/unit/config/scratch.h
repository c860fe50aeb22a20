// SPDX-License-Identifier: Apache-2.0
// A temporary folder with the files of one test, and loading from it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace pinion::config {

class Scratch {
public:
    Scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "pinion-config-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~Scratch() {
        std::error_code error;
        std::filesystem::remove_all(folder_, error);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    [[nodiscard]] std::string path(const std::string& name = {}) const {
        return name.empty() ? folder_.string() : (folder_ / name).string();
    }
    std::string write(const std::string& name, std::string_view text) const {
        const auto file = folder_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
        return file.string();
    }

private:
    std::filesystem::path folder_;
};

using Loaded = std::expected<Config, std::vector<Diagnostic>>;

// `text` as the only file.
inline Loaded load_text(std::string_view text, LoadOptions options = {}) {
    const Scratch scratch;
    options.path = scratch.write("test.yaml", text);
    return load(options);
}

// All diagnostics, one a line, with the name of the file without its folder.
inline std::string as_text(const std::vector<Diagnostic>& diagnostics) {
    std::string text;
    for (Diagnostic diagnostic : diagnostics) {
        diagnostic.file = std::filesystem::path(diagnostic.file).filename().string();
        text += to_string(diagnostic) + "\n";
    }
    return text;
}
inline std::string diagnostics_of(const Loaded& loaded) {
    return as_text(loaded ? loaded->warnings() : loaded.error());
}

// The pool `p` of a text that must load.
inline PoolSpec pool_of(std::string_view keys, LoadOptions options = {}) {
    const auto loaded = load_text("pools:\n  p: {command: [/bin/x], " + std::string(keys) + "}\n", std::move(options));
    EXPECT_TRUE(loaded) << diagnostics_of(loaded);
    return loaded ? *loaded->pools().at("p") : PoolSpec{};
}
// The diagnostics of a pool with these keys.
inline std::string mistakes_of(std::string_view keys, LoadOptions options = {}) {
    return diagnostics_of(
        load_text("pools:\n  p: {command: [/bin/x], " + std::string(keys) + "}\n", std::move(options)));
}

}  // namespace pinion::config
