// SPDX-License-Identifier: Apache-2.0
// Bad input at start: refused with exit 78 and a sentence that says where and why, before anything is touched.
#include <gtest/gtest.h>
#include <unistd.h>

#include "harness.h"

namespace pinion::test {
namespace {

// A piniond that is expected to end by itself.
Output start_with(const ScratchFolder& folder, const std::string& config) {
    return run({binary("piniond"), "--config", config, "--runtime-dir", folder / "run", "--state-dir", folder / "state",
                "--log", "console"});
}

// Refused, with a sentence that contains `why`; and the same from --check.
void expect_refused(const std::string& text, const std::string& why) {
    const ScratchFolder folder;
    write_text(folder / "pinion.yaml", text);
    const auto started = start_with(folder, folder / "pinion.yaml");
    EXPECT_EQ(started.code, 78) << started.err;
    EXPECT_NE(started.err.find(why), std::string::npos) << "no '" << why << "' in:\n" << started.err;
    EXPECT_NE(started.err.find("not started"), std::string::npos) << "what happens next is not said:\n" << started.err;
    EXPECT_LT(started.err.size(), 64U << 10) << "a refusal that floods the journal";
    EXPECT_FALSE(std::filesystem::exists(folder / "run")) << "something was touched";
    const auto checked = run({binary("piniond"), "--check", "--config", folder / "pinion.yaml"});
    EXPECT_EQ(checked.code, 78);
    EXPECT_NE(checked.err.find(why), std::string::npos) << checked.err;
}

std::string pools(const std::string& text) { return "version: 1\npools:\n" + text; }

TEST(BadInput, MalformedYamlIsRefusedAtItsPlace) {
    expect_refused("version: 1\npools: {a: [\n", "pinion.yaml:");
    expect_refused("version: 1\npools:\n\ta: {command: [x]}\n", "pinion.yaml:3:");
    expect_refused("]", "pinion.yaml:1:1");
}

TEST(BadInput, TheWrongDocumentIsRefused) {
    expect_refused("just a word", "pinion.yaml:1:1");
    expect_refused("- a\n- list\n", "pinion.yaml:1:1");
}

TEST(BadInput, AnUnknownKeyIsRefusedWithWhatWasMeant) {
    expect_refused(pools("  web: {comand: [x], command: [/bin/true]}\n"), "did you mean 'command'?");
}

TEST(BadInput, TenMegabytesAreRefusedByTheirSize) {
    std::string text = "version: 1\npools:\n";
    while (text.size() < 10'000'000) text += "  a" + std::to_string(text.size()) + ": {command: [/bin/true]}\n";
    expect_refused(text, "256 KiB");
}

TEST(BadInput, AnAliasBombIsRefusedByItsExpansions) {
    std::string text = "version: 1\na: &a [x, x, x, x, x, x, x, x, x]\n";
    for (char name = 'b'; name < 'j'; ++name) {
        const std::string before = "*" + std::string(1, static_cast<char>(name - 1));
        text += std::string(1, name) + ": &" + name + " [";
        for (int i = 0; i < 9; ++i) text += (i > 0 ? ", " : "") + before;
        text += "]\n";
    }
    expect_refused(text, "alias");
}

TEST(BadInput, DepthIsBounded) { expect_refused(pools("  a: " + std::string(5000, '[')), "pinion.yaml:3:"); }

TEST(BadInput, AHundredThousandWorkersAreRefusedWithTheBound) {
    expect_refused(pools("  a: {command: [/bin/true], workers: 100000}\n"), "1000");
}

TEST(BadInput, TheWorkersOfAllPoolsTogetherAreBounded) {
    std::string text;
    for (int i = 0; i < 11; ++i) text += "  p" + std::to_string(i) + ": {command: [/bin/true], workers: 1000}\n";
    expect_refused(pools(text), "10000");
}

TEST(BadInput, TextThatIsNotUtf8IsRefused) {
    expect_refused(pools("  a: {command: [\"/bin/echo\", \"\xff\xfe\"]}\n"), "UTF-8");
}

TEST(BadInput, NulBytesAreRefused) {
    expect_refused(std::string("version: 1\npools:\n  a: {command: [/bin/echo, \"x\0y\"]}\n", 52), "pinion.yaml:3:");
    expect_refused(pools("  a: {command: [/bin/echo, \"x\\0y\"]}\n"), "pinion.yaml:3:");
}

TEST(BadInput, ACycleOfAfterIsRefused) {
    expect_refused(pools("  a: {command: [/bin/true], start: {after: [b]}}\n"
                         "  b: {command: [/bin/true], start: {after: [a]}}\n"),
                   "after");
}

TEST(BadInput, AMissingFileIsNamed) {
    const ScratchFolder folder;
    const auto started = start_with(folder, folder / "nosuch.yaml");
    EXPECT_EQ(started.code, 78);
    EXPECT_NE(started.err.find("nosuch.yaml"), std::string::npos) << started.err;
}

TEST(BadInput, AFolderOrADeviceAsAFileIsRefused) {
    const ScratchFolder folder;
    std::filesystem::create_directories(folder / "conf/pinion.yaml");
    EXPECT_EQ(start_with(folder, folder / "conf").code, 78);
    // Endless to read.
    EXPECT_EQ(start_with(folder, "/dev/zero").code, 78);
    // Never opened by anybody else: an open without O_NONBLOCK would wait for ever.
    ASSERT_EQ(run({"mkfifo", folder / "fifo"}).code, 0);
    EXPECT_EQ(start_with(folder, folder / "fifo").code, 78);
}

TEST(BadInput, RootRefusesAFileThatOthersCanWrite) {
    if (::geteuid() != 0) GTEST_SKIP() << "the rule is root's";
    const ScratchFolder folder;
    write_text(folder / "pinion.yaml", pools("  a: {command: [/bin/true]}\n"));
    std::filesystem::permissions(folder / "pinion.yaml", std::filesystem::perms(0666));
    const auto started = start_with(folder, folder / "pinion.yaml");
    EXPECT_EQ(started.code, 78);
    EXPECT_NE(started.err.find("writ"), std::string::npos) << started.err;
}

TEST(BadInput, AWrongCommandLineIsExitTwo) {
    EXPECT_EQ(run({binary("piniond"), "--nosuch"}).code, 2);
    EXPECT_EQ(run({binary("piniond"), "--log", "nosuch"}).code, 2);
    EXPECT_EQ(run({binary("piniond"), "surplus"}).code, 2);
    EXPECT_EQ(run({binary("pinionctl"), "--nosuch"}).code, 2);
    EXPECT_EQ(run({binary("pinionctl"), "nosuch"}).code, 2);
}

// A configuration without pools is no mistake: the daemon waits for one.
TEST(BadInput, NoPoolsAtAllIsFine) {
    DaemonRun daemon("");
    EXPECT_EQ(daemon.ctl({"status"}).code, 0);
    EXPECT_EQ(daemon.ctl({"wait"}).code, 0);
    EXPECT_EQ(daemon.ctl({"is-healthy"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
}

}  // namespace
}  // namespace pinion::test
