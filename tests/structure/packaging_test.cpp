// SPDX-License-Identifier: Apache-2.0
// What is installed beside the programs agrees with them: units, bus files, group, versions. And every restriction of a
// unit is explained to its reader.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "pages.h"

namespace pinion::manual {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Key;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

// A unit file: its directives, each with its values in their order.
using Unit = std::map<std::string, std::vector<std::string>>;

std::string text_of(const std::string& file) {
    const std::string text = read_text(std::string(PINION_SOURCE_DIR "/") + file);
    EXPECT_NE(text, "") << file;
    return text;
}

Unit unit(const std::string& file) {
    Unit directives;
    std::istringstream lines(text_of("packaging/systemd/" + file));
    for (std::string line; std::getline(lines, line);) {
        const auto equals = line.find('=');
        if (line.empty() || line[0] == '#' || line[0] == '[' || equals == std::string::npos) continue;
        directives[line.substr(0, equals)].push_back(line.substr(equals + 1));
    }
    return directives;
}

// The one match of a pattern that must be there.
std::string one(const std::string& text, const std::string& pattern) {
    const Words found = matches(text, pattern);
    EXPECT_EQ(found.size(), 1U) << pattern;
    return found.empty() ? "" : *found.begin();
}

std::string bus_name() { return one(text_of("lib/wire/bus_names.h"), R"re(\bservice = "([^"]+)")re"); }

class Units : public testing::TestWithParam<const char*> {};

TEST_P(Units, RelyOnWhatTheDaemonDoes) {
    const Unit told = unit(GetParam());
    EXPECT_THAT(told, Contains(Pair("ExecStart", ElementsAre(StartsWith("@CMAKE_INSTALL_FULL_SBINDIR@/piniond")))));
    EXPECT_THAT(told, IsSupersetOf({
                          Pair("Type", ElementsAre("notify")),
                          Pair("ExecReload", ElementsAre("@CMAKE_INSTALL_FULL_BINDIR@/pinionctl reload")),
                          Pair("Delegate", ElementsAre("yes")),
                          Pair("KillMode", ElementsAre("mixed")),
                          Pair("RuntimeDirectory", ElementsAre("pinion")),
                          Pair("RuntimeDirectoryPreserve", ElementsAre("restart")),
                      }));
    EXPECT_THAT(told, Contains(Key("WatchdogSec")));
}

TEST_P(Units, DoNotStartAgainWhatEndsForItsConfiguration) {
    const auto code = one(text_of("daemon/main.cpp"), R"(exit_config = (\d+))");
    EXPECT_THAT(unit(GetParam()), Contains(Pair("RestartPreventExitStatus", ElementsAre(code))));
}

TEST_P(Units, GiveTheDaemonLongerThanItGivesItsWorkers) {
    const Unit told = unit(GetParam());
    ASSERT_TRUE(told.contains("TimeoutStopSec"));
    const int unit_seconds = std::stoi(told.at("TimeoutStopSec").front());
    const int own = std::stoi(one(text_of("lib/model/pool_spec.h"), R"(shutdown_timeout = (\d+)s)"));
    const int margin = std::stoi(one(text_of("daemon/daemon_control.cpp"), R"(stop_margin = (\d+)s)"));
    EXPECT_EQ(unit_seconds, own + margin);
}

TEST_P(Units, AreStartedByACallToTheNameWhereTheyAreEnabled) {
    EXPECT_THAT(unit(GetParam()), Contains(Pair("Alias", ElementsAre("dbus-" + bus_name() + ".service"))));
}

INSTANTIATE_TEST_SUITE_P(OfSystemAndUser, Units, testing::Values("pinion.service", "user/pinion.service"),
                         [](const auto& made) { return std::string(made.index == 0 ? "System" : "User"); });

TEST(Packaging, TheSystemsFoldersAreThoseThatTheDaemonLooksFor) {
    const std::string options = text_of("daemon/options.cpp");
    for (const char* folder : {"/run/", "/var/lib/", "/etc/"})
        EXPECT_THAT(options, HasSubstr(folder + std::string("pinion\"")));
    EXPECT_THAT(unit("pinion.service"), IsSupersetOf({Pair("StateDirectory", ElementsAre("pinion")),
                                                      Pair("ConfigurationDirectory", ElementsAre("pinion"))}));
    // Before systemd 254 a user's state folder is below ~/.config: it would be the configuration's.
    EXPECT_THAT(unit("user/pinion.service"), Not(Contains(Key("StateDirectory"))));
}

TEST(Packaging, ThePolicyOfTheBusLetsRootOwnTheNameAndTheGroupCall) {
    const auto policy = text_of("packaging/dbus/" + bus_name() + ".conf");
    EXPECT_THAT(matches(policy, R"re(own="([^"]+)")re"), ElementsAre(bus_name()));
    EXPECT_THAT(matches(policy, R"re(send_destination="([^"]+)")re"), ElementsAre(bus_name()));
    const auto group = one(text_of("daemon/access.cpp"), R"re(getgrnam\("([^"]+)")re");
    EXPECT_THAT(matches(policy, R"re(group="([^"]+)")re"), ElementsAre(group));
    EXPECT_EQ(one(text_of("packaging/sysusers/pinion.conf"), R"(\ng (\S+) -)"), group);
}

TEST(Packaging, TheFilesOfActivationNameTheBusAndTheUnitsAlias) {
    for (const std::string bus : {"system", "session"}) {
        const auto file = text_of("packaging/dbus/" + bus_name() + "." + bus + ".service");
        EXPECT_EQ(one(file, R"(\nName=(\S+))"), bus_name());
        EXPECT_EQ(one(file, R"(\nSystemdService=(\S+))"), "dbus-" + bus_name() + ".service");
    }
}

TEST(Packaging, ThePackageHasTheProgramsVersion) {
    const auto version = one(text_of("CMakeLists.txt"), R"(project\(pinion VERSION (\S+))");
    EXPECT_TRUE(text_of("packaging/debian/changelog").starts_with("pinion (" + version + "-"));
    const auto changes = text_of("CHANGELOG.md");
    const auto newest = changes.find("\n## ") + 4;
    EXPECT_EQ(changes.substr(newest, version.size()), version);
}

TEST(Packaging, TheDefaultConfigurationNamesTheInstalledSchemaAndIsAccepted) {
    const std::string file = PINION_SOURCE_DIR "/packaging/pinion.yaml";
    EXPECT_TRUE(text_of("packaging/pinion.yaml")
                    .starts_with("# yaml-language-server: $schema=/usr/share/pinion/pinion.schema.json\n"));
    EXPECT_THAT(text_of("packaging/install.cmake"),
                HasSubstr("pinion.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/pinion)"));
    EXPECT_THAT(output_of(PINION_BINARY_DIR "/piniond --check --config " + file), HasSubstr("0 pools, no errors"));
}

TEST(Packaging, EveryCapabilityThatIsTakenIsNamedInTheDocuments) {
    const auto lines = unit("pinion.service")["CapabilityBoundingSet"];
    ASSERT_EQ(lines.size(), 1U);
    ASSERT_TRUE(lines.front().starts_with("~"));
    const auto document = text_of("docs/security.md");
    const auto taken = document.substr(document.find("What it does take"));
    for (const auto& capability : matches(lines.front(), "(CAP_[A-Z_]+)"))
        EXPECT_THAT(taken, HasSubstr("`" + capability + "`"));
}

TEST(Packaging, EveryDirectiveOfTheTighterDropInIsWeighedInTheDocuments) {
    const auto document = text_of("docs/security.md");
    const Unit tighter = unit("hardened.conf");
    ASSERT_THAT(tighter, AllOf(Contains(Key("NoNewPrivileges")), Contains(Key("SystemCallFilter"))));
    for (const auto& [directive, values] : tighter) {
        if (directive == "CapabilityBoundingSet" || directive == "SystemCallErrorNumber") continue;
        EXPECT_THAT(document, HasSubstr("`" + directive + "=`"));
    }
}

}  // namespace
}  // namespace pinion::manual
