// SPDX-License-Identifier: Apache-2.0
// Files, folders, defaults, rules across keys and pools.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/limits.h"
#include "scratch.h"

namespace pinion::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* one_pool = "pools: {a: {command: [x]}}\n";

TEST(Load, ReadsAFolderInTheOrderOfNames) {
    const Scratch scratch;
    scratch.write("pinion.yaml", "version: 1\ndaemon: {watch: false}\npools: {main: {command: [x]}}\n");
    scratch.write("pools.d/b.yaml", "pools: {b: {command: [x]}}\n");
    scratch.write("pools.d/a.yaml", one_pool);
    for (const char* name :
         {"pools.d/.hidden.yaml", "pools.d/a.yaml~", "pools.d/.a.yaml.swp", "pools.d/#a.yaml", "pools.d/note.txt"})
        scratch.write(name, "{{{");
    const auto loaded = load({.path = scratch.path()});
    ASSERT_TRUE(loaded) << diagnostics_of(loaded);
    EXPECT_THAT(loaded->files(), ElementsAre(scratch.path("pinion.yaml"), scratch.path("pools.d/a.yaml"),
                                             scratch.path("pools.d/b.yaml")));
    EXPECT_EQ(list_files(scratch.path()), loaded->files());
    EXPECT_EQ(loaded->pools().size(), 3U);
    EXPECT_FALSE(loaded->daemon().watch);
    EXPECT_TRUE(loaded->warnings().empty());
}

TEST(Load, WarnsOfFilesThatLookLikeConfiguration) {
    const Scratch scratch;
    scratch.write("pools.d/a.yaml", one_pool);
    scratch.write("pools.d/b.yml", one_pool);
    const auto loaded = load({.path = scratch.path()});
    ASSERT_TRUE(loaded);
    EXPECT_THAT(diagnostics_of(loaded), HasSubstr("b.yml: warning: the file is not read"));
}

TEST(Load, AnEmptyFolderIsValidAndSaysSo) {
    const Scratch scratch;
    const auto loaded = load({.path = scratch.path()});
    ASSERT_TRUE(loaded);
    EXPECT_THAT(diagnostics_of(loaded), HasSubstr("warning: no pinion.yaml and no pools.d/*.yaml"));
}

TEST(Load, SaysWhatCanNotBeRead) {
    const Scratch scratch;
    EXPECT_THAT(diagnostics_of(load({.path = scratch.path("nowhere")})),
                HasSubstr("nowhere': no such file or directory"));
    EXPECT_THAT(diagnostics_of(load({.path = "/dev/null"})), HasSubstr("not a regular file"));
    ASSERT_EQ(::mkfifo(scratch.path("fifo.yaml").c_str(), 0600), 0);
    EXPECT_THAT(diagnostics_of(load({.path = scratch.path("fifo.yaml")})), HasSubstr("not a regular file"));
    std::filesystem::create_directories(scratch.path("pools.d/x.yaml"));
    EXPECT_THAT(diagnostics_of(load({.path = scratch.path()})), HasSubstr("x.yaml: error: it is not a regular file"));
    std::filesystem::create_symlink("nowhere", scratch.path("pools.d/y.yaml"));
    EXPECT_THAT(diagnostics_of(load({.path = scratch.path()})), HasSubstr("y.yaml: error: open"));
    EXPECT_FALSE(load({.path = std::string("a\0b", 3)}));
    EXPECT_FALSE(load({.path = ""}));
}

TEST(Load, RefusesAFileByItsSize) {
    const Scratch scratch;
    const auto padded = [](std::size_t size) {
        std::string text = one_pool;
        return text + "#" + std::string(size - text.size() - 1, 'x');
    };
    EXPECT_TRUE(load({.path = scratch.write("a.yaml", padded(limits::max_file_bytes))}));
    EXPECT_EQ(diagnostics_of(load({.path = scratch.write("a.yaml", padded(limits::max_file_bytes + 1))})),
              "a.yaml: error: it is larger than the 256 KiB that are read\n");
    EXPECT_THAT(diagnostics_of(load({.path = scratch.write("a.yaml", std::string(10 << 20, '['))})),
                HasSubstr("larger than the 256 KiB"));
}

TEST(Load, RefusesAFolderByTheSizeOfAllFiles) {
    const Scratch scratch;
    for (int i = 0; i < 4; ++i)
        scratch.write("pools.d/" + std::to_string(i) + ".yaml", "#" + std::string(limits::max_file_bytes - 1, 'x'));
    EXPECT_TRUE(load({.path = scratch.path()}));
    scratch.write("pools.d/4.yaml", "#");
    EXPECT_THAT(diagnostics_of(load({.path = scratch.path()})),
                HasSubstr("4.yaml: error: with this file the configuration is larger than the 1024 KiB"));
}

TEST(Load, RefusesMorePoolsThanTheBound) {
    const auto text = [](std::size_t count) {
        std::string pools = "pools:\n";
        for (std::size_t i = 0; i < count; ++i) pools += "  p" + std::to_string(i) + ": {command: [x]}\n";
        return pools;
    };
    EXPECT_TRUE(load_text(text(limits::max_pools)));
    EXPECT_EQ(diagnostics_of(load_text(text(limits::max_pools + 1))),
              "test.yaml:1002:3: error: more than 1000 pools are declared\n");
}

TEST(Load, RefusesMoreWorkersThanTheBound) {
    const auto text = [](int last) {
        std::string pools = "pools:\n";
        for (int i = 0; i < 9; ++i) pools += "  p" + std::to_string(i) + ": {command: [x], workers: 1000}\n";
        return pools + "  q: {command: [x], workers: " + std::to_string(last) + "}\n  r: {command: [x], workers: 1}\n";
    };
    EXPECT_TRUE(load_text(text(999)));
    EXPECT_THAT(diagnostics_of(load_text(text(1000))),
                HasSubstr("all pools together want 10001 workers; the bound is 10000"));
}

TEST(Load, RefusesFilesThatRootCanNotTrust) {
    const Scratch scratch;
    const auto file = scratch.write("a.yaml", one_pool);
    const LoadOptions options{.path = file, .refuse_unsafe_files = true};
    ::chmod(file.c_str(), 0664);
    if (::geteuid() != 0) {
        EXPECT_THAT(diagnostics_of(load(options)), HasSubstr("it is not owned by root"));
        return;
    }
    EXPECT_THAT(diagnostics_of(load(options)), HasSubstr("others than root can write it"));
    ::chmod(file.c_str(), 0602);
    EXPECT_FALSE(load(options));
    ::chmod(file.c_str(), 0644);
    EXPECT_TRUE(load(options));
    ASSERT_EQ(::chown(file.c_str(), 12345, 0), 0);
    EXPECT_THAT(diagnostics_of(load(options)), HasSubstr("it is not owned by root"));
    EXPECT_EQ(load(options).error().front().code, "unsafe-file");
}

TEST(Load, AFileCanStandInForAnother) {
    const Scratch scratch;
    scratch.write("pinion.yaml", one_pool);
    scratch.write("pools.d/b.yaml", "broken");
    const auto other = scratch.write("other/tmp123", "pools: {b: {command: ./y}}");
    const auto with = [&](const std::string& replaced) {
        return load({.path = scratch.path(), .replaced = replaced, .replacement = other});
    };
    const auto loaded = with(scratch.path("pools.d/b.yaml"));
    ASSERT_TRUE(loaded) << diagnostics_of(loaded);
    EXPECT_THAT(loaded->pools().at("b")->command.argv, ElementsAre(scratch.path("pools.d/y")));
    EXPECT_THAT(diagnostics_of(with(scratch.path("pools.d/c.yaml"))), HasSubstr("b.yaml:1:1"))
        << "the other stays broken";
    std::filesystem::remove(scratch.path("pools.d/b.yaml"));
    EXPECT_TRUE(with(scratch.path("pools.d/new.yaml")));
    EXPECT_THAT(diagnostics_of(with(scratch.path("elsewhere.yaml"))), HasSubstr("is not a file of the configuration"));
}

TEST(Load, OnlyTheMainFileHoldsMoreThanPools) {
    const Scratch scratch;
    scratch.write("pools.d/a.yaml",
                  "version: 1\ndaemon: {}\nmachine: {}\nsemaphores: {}\ndefaults: {}\n" + std::string(one_pool));
    EXPECT_EQ(diagnostics_of(load({.path = scratch.path()})),
              "a.yaml:2:1: error: key 'daemon' may stand in pinion.yaml only\n"
              "a.yaml:3:1: error: key 'machine' may stand in pinion.yaml only\n"
              "a.yaml:4:1: error: key 'semaphores' may stand in pinion.yaml only\n"
              "a.yaml:5:1: error: key 'defaults' may stand in pinion.yaml only\n");
}

TEST(Load, APoolsNameStandsOnceInAllFiles) {
    const Scratch scratch;
    scratch.write("pools.d/a.yaml", one_pool);
    scratch.write("pools.d/b.yaml", one_pool);
    EXPECT_EQ(diagnostics_of(load({.path = scratch.path()})),
              "b.yaml:1:9: error: pool 'a' is declared a second time (the first is at " +
                  scratch.path("pools.d/a.yaml") + ":1)\n");
}

TEST(Load, MergesDefaultsBlockByBlock) {
    const auto loaded = load_text(
        "defaults:\n"
        "  restart: {delay: 1s, limit: {count: 2, within: 10m}, success: [0, 1]}\n"
        "  env: {A: default, B: default}\n"
        "  log: {stdout: debug, stderr: debug}\n"
        "  nice: 5\n"
        "pools:\n"
        "  a: {command: [x]}\n"
        "  b:\n"
        "    command: [x]\n"
        "    restart: {max_delay: 2s, limit: none, success: [7]}\n"
        "    env: {B: own, A: null}\n"
        "    log: {stdout: null}\n"
        "    nice: null\n");
    ASSERT_TRUE(loaded) << diagnostics_of(loaded);
    const auto& a = *loaded->pools().at("a");
    EXPECT_EQ(a.restart.delay, 1s);
    EXPECT_EQ(a.nice, 5);
    EXPECT_EQ(a.env.size(), 2U);
    const auto& b = *loaded->pools().at("b");
    EXPECT_EQ(b.restart.delay, 1s);
    EXPECT_EQ(b.restart.max_delay, 2s);
    EXPECT_FALSE(b.restart.limit);
    EXPECT_EQ(b.restart.success.size(), 1U);
    EXPECT_EQ(b.env, (std::map<std::string, std::string>{{"B", "own"}}));
    EXPECT_EQ(b.log.out, LogTarget(LogToNull{}));
    EXPECT_EQ(b.log.err, LogTarget(LogToJournal{7}));
    EXPECT_FALSE(b.nice);
    EXPECT_EQ(loaded->origin("b", "restart.delay")->line, 2);
    EXPECT_EQ(loaded->origin("b", "restart.max_delay")->line, 10);
    EXPECT_FALSE(loaded->origin("b", "nice"));
    EXPECT_TRUE(loaded->warnings().empty()) << diagnostics_of(loaded);
}

TEST(Load, NullTakesAWholeBlockOfDefaultsAway) {
    const auto loaded = load_text("defaults: {restart: {delay: 1s}}\npools: {a: {command: [x], restart: null}}");
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->pools().at("a")->restart, RestartPolicy{});
}

TEST(Load, TellsAMistakeInDefaultsOnce) {
    const std::string pools = "pools: {a: {command: [x]}, b: {command: [x]}}\n";
    EXPECT_EQ(diagnostics_of(load_text("defaults: {nise: 5}\n" + pools)),
              "test.yaml:1:12: error: unknown key 'nise' (did you mean 'nice'?)\n");
    EXPECT_THAT(diagnostics_of(load_text("defaults: {nice: 50}\n")), HasSubstr("above the bound of 19"));
}

TEST(Load, BoundsWhatDefaultsBecome) {
    const auto text = [](int pools) {
        std::string result = "defaults:\n  env:\n";
        for (int i = 0; i < 300; ++i) result += "    V" + std::to_string(i) + ": x\n";
        result += "pools:\n";
        for (int i = 0; i < pools; ++i) result += "  p" + std::to_string(i) + ": {command: [x]}\n";
        return result;
    };
    EXPECT_TRUE(load_text(text(300)));
    EXPECT_THAT(diagnostics_of(load_text(text(700))),
                HasSubstr("'defaults' is too large to be merged under 700 pools"));
}

TEST(Load, RemembersWhereEachValueIsWritten) {
    const auto loaded =
        load_text("daemon:\n  watch: true\npools:\n  a:\n    command: [x]\n    restart:\n      delay: 1s\n");
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->origin("a", "")->line, 4);
    EXPECT_EQ(loaded->origin("a", "restart.delay")->line, 7);
    EXPECT_EQ(loaded->origin("a", "restart.delay")->column, 7);
    EXPECT_EQ(loaded->origin("", "daemon.watch")->line, 2);
    EXPECT_FALSE(loaded->origin("a", "restart.factor"));
    EXPECT_FALSE(loaded->origin("b", ""));
}

TEST(Load, NamesTheCircleOfPoolsThatWaitForEachOther) {
    const auto text = [](const std::string& last) {
        return "pools:\n  a: {command: [x], start: {after: [b]}}\n  b: {command: [x], start: {after: [c]}}\n"
               "  c: {command: [x], start: {after: [" +
               last + "]}}\n";
    };
    EXPECT_TRUE(load_text(text("")));
    EXPECT_EQ(diagnostics_of(load_text(text("a"))),
              "test.yaml:4:29: error: pools wait for each other in a circle: a after b after c after a\n");
    EXPECT_THAT(diagnostics_of(load_text(text("b"))), HasSubstr("in a circle: b after c after b"));
    EXPECT_THAT(diagnostics_of(load_text(text("c"))), HasSubstr("pool 'c' can't start after itself"));
    EXPECT_THAT(diagnostics_of(load_text(text("aa"))), HasSubstr("there is no pool 'aa' (did you mean 'a'?)"));
}

TEST(Load, FollowsAChainOfAllPools) {
    std::string text = "pools:\n";
    for (std::size_t i = 0; i < limits::max_pools; ++i) {
        const std::string next = "p" + std::to_string((i + 1) % limits::max_pools);
        text += "  p" + std::to_string(i) + ": {command: [x], start: {after: [" + next + "]}}\n";
    }
    const auto loaded = load_text(text);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().size(), 1U);
}

TEST(Load, RefusesALimitThatCanNotBeReached) {
    // 100 ms, 200 ms, … 25.6 s and 30 s: ten restarts take a minute and more.
    EXPECT_THAT(mistakes_of("restart: {limit: {count: 12, within: 10s}}"),
                HasSubstr("'restart.limit' can't be reached"));
    EXPECT_EQ(pool_of("restart: {limit: {count: 3, within: 10s}}").restart.limit->count, 3U);
}

TEST(Load, RefusesCombinationsThatContradictEachOther) {
    EXPECT_THAT(mistakes_of("restart: {delay: 1m}"),
                HasSubstr("'restart.max_delay' (30s) is below 'restart.delay' (1m)"));
    EXPECT_EQ(pool_of("restart: {delay: 30s}").restart.delay, 30s);
    EXPECT_THAT(mistakes_of("restart: {fatal: [0]}"),
                HasSubstr("0 stands in 'restart.fatal' and in 'restart.success', which is [0] by default"));
    EXPECT_THAT(mistakes_of("restart: {success: [0, TERM], fatal: [SIGTERM]}"), HasSubstr("SIGTERM stands in"));
}

TEST(Load, AnErrorCausesNoSecondOne) {
    EXPECT_EQ(
        mistakes_of("restart: {delay: 1m, max_delay: 5 minutes}"),
        "test.yaml:2:58: error: 'restart.max_delay': read duration '5 minutes': unknown unit ' minutes': use us, ms, "
        "s, m, h or d (a duration is a number and one of us, ms, s, m, h, d)\n");
    EXPECT_EQ(diagnostics_of(load_text("pools: {a: {comand: [x]}}")),
              "test.yaml:1:13: error: unknown key 'comand' (did you mean 'command'?)\n");
    const Scratch scratch;
    scratch.write("pools.d/a.yaml", "pools: {a: {command: [x], start: {after: [b]}}}");
    scratch.write("pools.d/b.yaml", "pools: {b: [");
    EXPECT_EQ(load({.path = scratch.path()}).error().size(), 1U);
}

TEST(Load, WarnsOfKeysWithoutEffect) {
    EXPECT_THAT(mistakes_of("start: {timeout: 5s}"), HasSubstr("warning: 'start.timeout' has no effect without"));
    EXPECT_EQ(mistakes_of("start: {timeout: 5s, ready: notify}"), "");
    EXPECT_THAT(mistakes_of("restart: {policy: never, delay: 1s}"),
                HasSubstr("warning: 'restart.delay' has no effect"));
    EXPECT_EQ(diagnostics_of(load_text("defaults: {start: {timeout: 5s}}\npools: {a: {command: [x]}}")), "");
}

TEST(Load, DiagnosticsAreBoundedAndKeepAnError) {
    std::string text = "pools:\n";
    for (std::size_t i = 0; i < 300; ++i)
        text += "  p" + std::to_string(i) + ": {command: [x], start: {timeout: 5s}}\n";
    const auto warned = load_text(text);
    ASSERT_TRUE(warned);
    EXPECT_EQ(warned->warnings().size(), limits::max_diagnostics);
    EXPECT_EQ(warned->warnings().back().message, "201 more diagnostics are not shown");
    const auto refused = load_text(text + "  z: {}\n");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().size(), limits::max_diagnostics);
    EXPECT_THAT(diagnostics_of(refused), HasSubstr("pool 'z': key 'command' is missing"));
}

TEST(Load, NamesMustBeNames) {
    for (const char* name : {"Web", "1web", "we b", "\"\"", "wéb", "-x"})
        EXPECT_THAT(diagnostics_of(load_text("pools: {" + std::string(name) + ": {command: [x]}}")),
                    HasSubstr("a name begins with a letter a-z"))
            << name;
    EXPECT_TRUE(load_text("pools: {" + std::string(63, 'a') + ": {command: [x]}}"));
    EXPECT_FALSE(load_text("pools: {" + std::string(64, 'a') + ": {command: [x]}}"));
}

}  // namespace
}  // namespace pinion::config
