// SPDX-License-Identifier: Apache-2.0
// The borders of docs/architecture.md, checked on every include of the tree: who may include whom, and that each
// external library has one home.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::set<std::string>> may_include{
    {"base", {}},
    {"model", {"base"}},
    {"cpu", {"base", "model"}},
    {"supervise", {"base", "model", "cpu"}},
    {"wire", {"base"}},
    {"jobs", {"base", "model", "wire"}},
    {"process", {"base", "model", "cpu"}},
    {"event", {"base"}},
    {"log", {"base", "model"}},
    {"pinion", {"base", "model", "cpu", "wire", "process"}},
    {"config", {"base", "model"}},
    {"daemon", {"base", "model", "cpu", "supervise", "wire", "jobs", "process", "event", "log", "config"}},
    {"ctl", {"base", "model", "cpu", "wire", "log", "config", "pinion"}},
};

// The start of an external header → the only files that may include it, as the start of their path.
const std::vector<std::pair<std::string, std::vector<std::string>>> homes{
    {"hwloc", {"lib/cpu/topology"}},       {"yaml-cpp/", {"config/document"}},
    {"nlohmann/", {"lib/wire/json"}},      {"spdlog/", {"lib/log/console_sink"}},
    {"systemd/sd-journal", {"lib/log/"}},  {"systemd/sd-event", {"lib/event/"}},
    {"systemd/sd-daemon", {"lib/event/"}}, {"systemd/sd-bus", {"daemon/bus_", "ctl/bus_", "ctl/client"}},
    {"CLI/", {"daemon/options", "ctl/"}},  {"sqlite3", {"lib/jobs/store_database"}},
};

struct Include {
    std::string file;  // relative to the source folder
    std::string header;
};

std::vector<Include> all_includes() {
    const fs::path root = PINION_SOURCE_DIR;
    const std::regex pattern(R"re(^\s*#\s*include\s*["<]([^">]+)[">])re");
    std::vector<Include> includes;
    for (const char* folder : {"lib", "config", "daemon", "ctl"}) {
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            const auto extension = entry.path().extension();
            if (extension != ".cpp" && extension != ".h") continue;
            std::ifstream file(entry.path());
            std::smatch match;
            for (std::string line; std::getline(file, line);)
                if (std::regex_search(line, match, pattern))
                    includes.push_back({fs::relative(entry.path(), root), match[1]});
        }
    }
    return includes;
}

// "lib/cpu/plan.h" → "cpu"; "daemon/bus.h" → "daemon".
std::string module_of(const std::string& path) {
    const fs::path relative = path;
    auto part = relative.begin();
    if (*part == "lib") ++part;
    return *part;
}

TEST(Layers, EveryIncludeStaysWithinItsLayer) {
    const auto includes = all_includes();
    ASSERT_GT(includes.size(), 300U);
    for (const auto& [file, header] : includes) {
        const auto from = module_of(file);
        ASSERT_TRUE(may_include.contains(from)) << file << " belongs to no known module";
        const auto to = header.substr(0, header.find('/'));
        if (!may_include.contains(to) || to == from || header.find('/') == std::string::npos) continue;
        EXPECT_TRUE(may_include.at(from).contains(to)) << file << " includes " << header;
    }
}

TEST(Layers, EveryExternalLibraryHasOneHome) {
    for (const auto& [file, header] : all_includes()) {
        for (const auto& [library, places] : homes) {
            if (!header.starts_with(library)) continue;
            bool at_home = false;
            for (const auto& place : places) at_home = at_home || file.starts_with(place);
            EXPECT_TRUE(at_home) << file << " includes " << header;
        }
    }
}

TEST(Layers, TheDrawingInTheDocumentsNamesEveryModule) {
    std::ifstream file(std::string(PINION_SOURCE_DIR) + "/docs/architecture.md");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    for (const auto& [module, allowed] : may_include) EXPECT_NE(text.find(module + '`'), std::string::npos) << module;
}

}  // namespace
