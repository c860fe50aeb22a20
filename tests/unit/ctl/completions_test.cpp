// SPDX-License-Identifier: Apache-2.0
// The shells' completions know every command and every option that the help lists, and are valid in their shells.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/fd.h"
#include "ctl/options.h"

namespace pinion::ctl {
namespace {

struct Shell {
    const char* name;
    const char* file;
};
constexpr Shell shells[] = {{"bash", "pinionctl.bash"}, {"zsh", "_pinionctl"}, {"fish", "pinionctl.fish"}};

std::string path_of(const Shell& shell) {
    return std::string(PINION_SOURCE_DIR "/packaging/completions/") + shell.file;
}

bool is_word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; }

// Whether `word` stands in `text` with nothing of a longer word around it.
bool has_word(const std::string& text, const std::string& word) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        const bool begins = at == 0 || !is_word_character(text[at - 1]);
        const std::size_t end = at + word.size();
        if (begins && (end == text.size() || !is_word_character(text[end]))) return true;
    }
    return false;
}

class Completions : public ::testing::TestWithParam<Shell> {};

TEST_P(Completions, KnowEveryCommandAndOption) {
    const auto text = read_file(path_of(GetParam()), 1 << 20);
    ASSERT_TRUE(text) << text.error().message;
    for (const CommandHelp& command : list_commands()) {
        if (!command.name.empty()) {
            EXPECT_TRUE(has_word(*text, command.name)) << command.name;
        }
        for (const std::string& option : command.options) {
            // fish names options without their dashes: `-l json`, `-s o`.
            const bool long_one = option.starts_with("--");
            const std::string in_fish = long_one ? "-l " + option.substr(2) : "-s " + option.substr(1);
            const bool fish = std::string(GetParam().name) == "fish";
            EXPECT_TRUE(has_word(*text, fish ? in_fish : option)) << command.name << " " << option;
        }
    }
}

TEST_P(Completions, AreValidInTheirShell) {
    const std::string shell = GetParam().name;
    if (std::system(("command -v " + shell + " >/dev/null 2>&1").c_str()) != 0) GTEST_SKIP() << shell << " is not here";
    EXPECT_EQ(std::system((shell + " -n '" + path_of(GetParam()) + "'").c_str()), 0);
}

INSTANTIATE_TEST_SUITE_P(Shells, Completions, ::testing::ValuesIn(shells),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace pinion::ctl
