// SPDX-License-Identifier: Apache-2.0
// The manual knows every option, command and exit code that the programs know, and no others; and its pages are clean.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "pages.h"

namespace pinion::manual {
namespace {

using testing::IsEmpty;
using testing::Not;

const std::string programs = PINION_BINARY_DIR;
const std::string pages = PINION_MAN_DIR;

// "-n", "--lines" of a help's lines such as "  -n,--lines N   how many …".
Words options_of_help(const std::string& help) {
    Words options;
    std::istringstream lines(help);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("  -")) continue;
        const std::string names = line.substr(2, line.find(' ', 2) - 2);
        for (const auto& name : matches(names, "(--?[a-zA-Z][a-z-]*)")) options.insert(name);
    }
    return options;
}

// Every word of a manual's text that looks like an option.
Words options_of_page(const std::string& text) { return matches(text, R"((?:^|[^a-zA-Z0-9-])(--?[a-z][a-z-]*)\b)"); }

Words without_help(Words options) {
    options.erase("-h");
    options.erase("--help");
    return options;
}

// "status" and the like, from the list in the help.
Words commands_of_help(const std::string& help) {
    const auto begin = help.find("Subcommands:\n");
    return matches(help.substr(begin, help.find("\n\n", begin) - begin), R"(\n  ([a-z][a-z-]*) )");
}

TEST(Manual, OfThePiniondListsItsOptionsAndNoOthers) {
    const Words known = options_of_help(output_of(programs + "/piniond --help"));
    ASSERT_THAT(known, Not(IsEmpty()));
    EXPECT_EQ(options_of_page(heads(section("piniond.8", "OPTIONS"))), known);
    EXPECT_EQ(options_of_page(heads(section("piniond.8", "SYNOPSIS"))), [&] {
        Words w = without_help(known);
        w.erase("--version");
        return w;
    }());
}

TEST(Manual, OfPinionctlListsTheOptionsOfEveryCommand) {
    const Words known = options_of_help(output_of(programs + "/pinionctl --help"));
    ASSERT_THAT(known, Not(IsEmpty()));
    EXPECT_EQ(options_of_page(heads(section("pinionctl.1", "OPTIONS"))), known);
}

TEST(Manual, OfPinionctlHasEachCommandWithItsOwnOptions) {
    const Words known = commands_of_help(output_of(programs + "/pinionctl --help"));
    Words described;
    for (const auto& [title, text] : sections(page("pinionctl.1"), "## ")) {
        const std::string command = title.substr(0, title.find(' '));
        described.insert(command);
        const std::string help = output_of(programs + "/pinionctl " + command + " --help");
        const Words own = without_help(options_of_help(help));
        EXPECT_EQ(options_of_page(heads(text) + " " + title), own) << command;
        // Only the long form of an option that has both is told in the title of no command: each is defined below it.
        if (command == "start" || command == "stop" || command == "schema") continue;
        EXPECT_EQ(options_of_page(heads(text)), own) << command;
    }
    EXPECT_EQ(described, known);
}

TEST(Manual, HasTheExitCodesOfTheCode) {
    const std::string code = read_text(PINION_SOURCE_DIR "/ctl/exit_code.h");
    const Words of_pinionctl = matches(code, R"(\n    [a-z_]+ = ([0-9]+),)");
    EXPECT_EQ(matches(heads(section("pinionctl.1", "EXIT STATUS")), R"(\*([0-9]+)\*)"), of_pinionctl);

    const std::string help = output_of(programs + "/piniond --help");
    const Words of_piniond = matches(help.substr(help.find("Exit codes:")), R"((?:^|[^a-z0-9])([0-9]+) )");
    EXPECT_EQ(matches(heads(section("piniond.8", "EXIT STATUS")), R"(\*([0-9]+)\*)"), of_piniond);
}

TEST(Manual, NamesEachOtherPageThatThereIs) {
    for (const char* name : {"piniond.8", "pinionctl.1", "pinion.yaml.5"})
        for (const char* other : {"piniond(8)", "pinionctl(1)", "pinion.yaml(5)"}) {
            const std::string bold = "*" + std::string(other).insert(std::string(other).find('('), "*");
            const std::string own = page(name).substr(0, page(name).find(' '));
            if (own == other) continue;
            EXPECT_NE(section(name, "SEE ALSO").find(bold), std::string::npos) << name << " " << other;
        }
}

TEST(Manual, RendersWithoutAWarning) {
    if (std::system("command -v mandoc >/dev/null 2>&1") != 0) GTEST_SKIP() << "mandoc is not here";
    for (const char* name : {"piniond.8", "pinionctl.1", "pinion.yaml.5", "libpinion.3"}) {
        const std::string file = pages + "/" + name;
        if (!std::filesystem::exists(file)) GTEST_SKIP() << "the pages were not made: scdoc is not here";
        EXPECT_EQ(output_of("mandoc -Tlint -W warning '" + file + "'"), "") << name;
        const std::string text = output_of("mandoc -Tutf8 '" + file + "' | col -b");
        EXPECT_NE(text.find("SEE ALSO"), std::string::npos) << name;
        // What is left of markup that was not meant for scdoc as it was written.
        EXPECT_THAT(matches(text, R"((@[a-z]+[ @]))"), IsEmpty()) << name;
        EXPECT_THAT(matches(text, R"((\[?[*_]--))"), IsEmpty()) << name;
    }
}

// Every header, and every class in it but those that a pool keeps to itself.
TEST(Manual, OfTheLibraryNamesEachHeaderAndClass) {
    const std::string text = page("libpinion.3");
    Words named;
    for (const auto& entry : std::filesystem::directory_iterator(PINION_SOURCE_DIR "/lib/pinion/include/pinion")) {
        const std::string header = entry.path().filename();
        EXPECT_THAT(text, testing::HasSubstr("<pinion/" + header + ">"));
        const std::string code = read_text(entry.path());
        for (const auto& name : matches(code, R"(\n(?:class|struct) (?:PINION_API )?([A-Z][A-Za-z]+)[ :][^;]*\{)"))
            named.insert(name);
        for (const auto& name : matches(code, R"(\n    \[\[nodiscard\]\] [^\n]*\b([a-z][a-z_]+_for)\()"))
            named.insert(name);
    }
    EXPECT_GT(named.size(), 20U);
    const Words inner{"ByteQueue", "Caught",      "Batch",       "Writer",
                      "Reader",    "PoolOptions", "TaskOptions", "ProcessOptions"};
    for (const auto& name : named) {
        if (inner.contains(name)) continue;
        EXPECT_THAT(text, testing::ContainsRegex("\\*" + name + "[^A-Za-z_]"));
    }
}

}  // namespace
}  // namespace pinion::manual
