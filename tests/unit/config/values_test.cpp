// SPDX-License-Identifier: Apache-2.0
// Every key's values: what they become, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "model/limits.h"
#include "scratch.h"

namespace pinion::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Values, DefaultsAreThoseOfTheSpecification) {
    PoolSpec expected;
    expected.name = "p";
    expected.command.argv = {"/bin/x"};
    EXPECT_EQ(pool_of(""), expected);
}

TEST(Values, BooleansAreTrueAndFalseOnly) {
    const auto watch = [](const std::string& value) { return load_text("daemon: {watch: " + value + "}"); };
    EXPECT_TRUE(watch("true")->daemon().watch);
    EXPECT_FALSE(watch("false")->daemon().watch);
    for (const char* word : {"yes", "on", "y", "True", "1"})
        EXPECT_THAT(diagnostics_of(watch(word)), HasSubstr("(write true)")) << word;
    for (const char* word : {"no", "Off", "n", "0"})
        EXPECT_THAT(diagnostics_of(watch(word)), HasSubstr("(write false)")) << word;
    EXPECT_THAT(diagnostics_of(watch("\"true\"")), HasSubstr("expected true or false, found the text 'true'"));
}

TEST(Values, DurationsNeedAUnit) {
    EXPECT_EQ(pool_of("stop: {timeout: 1m30s}").stop.timeout, 90s);
    EXPECT_EQ(pool_of("stop: {timeout: 0}").stop.timeout, 0s);
    EXPECT_EQ(pool_of("stop: {timeout: \"5s\"}").stop.timeout, 5s);
    EXPECT_EQ(mistakes_of("stop: {timeout: 5}"),
              "test.yaml:2:42: error: 'stop.timeout': the duration '5' has no unit (did you mean '5s'?)\n");
    EXPECT_THAT(mistakes_of("stop: {timeout: 5 minutes}"), HasSubstr("a duration is a number and one of us, ms"));
    EXPECT_THAT(mistakes_of("stop: {timeout: [5s]}"),
                HasSubstr("expected a duration such as 100ms, 5s or 1m30s, found a list"));
    EXPECT_EQ(pool_of("stop: {timeout: 36500d}").stop.timeout, limits::longest_duration);
    EXPECT_THAT(mistakes_of("stop: {timeout: 36501d}"), HasSubstr("is longer than"));
}

TEST(Values, WorkersStopAtTheirBound) {
    EXPECT_EQ(pool_of("workers: 0").workers, (WorkerCount{false, 0}));
    EXPECT_EQ(pool_of("workers: 1000").workers, (WorkerCount{false, 1000}));
    EXPECT_TRUE(pool_of("workers: auto").workers.automatic);
    EXPECT_THAT(mistakes_of("workers: 1001"), HasSubstr("1001 is above the bound of 1000"));
    EXPECT_THAT(mistakes_of("workers: 100000"), HasSubstr("100000 is above the bound of 1000"));
    EXPECT_THAT(mistakes_of("workers: 99999999999999999999"), HasSubstr("is above the bound of 1000"));
    EXPECT_THAT(mistakes_of("workers: -1"), HasSubstr("-1 is below 0"));
    EXPECT_THAT(mistakes_of("workers: \"4\""), HasSubstr("(write it without quotes)"));
    EXPECT_THAT(mistakes_of("workers: four"), HasSubstr("expected a number or auto, found the text 'four'"));
    EXPECT_THAT(mistakes_of("workers: 1.5"), HasSubstr("expected a number or auto"));
    EXPECT_THAT(mistakes_of("workers: -"), HasSubstr("expected"));
    EXPECT_EQ(pool_of("workers: {per: numa, count: 2}").workers, (WorkerCount{.number = 2, .per = CpuLevel::numa}));
    EXPECT_THAT(mistakes_of("workers: {per: numa}"), HasSubstr("key 'count' is missing"));
    EXPECT_THAT(mistakes_of("workers: {count: 2}"), HasSubstr("key 'per' is missing"));
    EXPECT_THAT(mistakes_of("workers: {per: core, count: 2}"), HasSubstr("'workers.per'"));
    EXPECT_THAT(mistakes_of("workers: {per: l3, count: 1001}"), HasSubstr("'workers.count'"));
    EXPECT_EQ(pool_of("workers: auto, max_workers: 7").workers, (WorkerCount{.automatic = true, .most = 7}));
    EXPECT_EQ(pool_of("max_workers: 7, workers: auto").workers, (WorkerCount{.automatic = true, .most = 7}));
    EXPECT_THAT(mistakes_of("workers: auto, max_workers: 0"), HasSubstr("'max_workers'"));
    EXPECT_THAT(diagnostics_of(load_text("pools: {p: {command: /bin/true, workers: 2, max_workers: 3}}")),
                HasSubstr("'max_workers' has no effect without 'workers: auto'"));
}

TEST(Values, CpuHasItsPlainForms) {
    EXPECT_EQ(pool_of("cpu: auto").cpu, CpuRequest(CpuAuto{}));
    EXPECT_EQ(pool_of("cpu: none").cpu, CpuRequest(CpuNone{}));
    EXPECT_EQ(pool_of("cpu: 1 core").cpu, CpuRequest(CpuExclusive{}));
    EXPECT_EQ(pool_of("cpu: 4 cores").cpu, CpuRequest(CpuExclusive{.count = 4}));
    EXPECT_EQ(pool_of("cpu: 2 threads").cpu, CpuRequest(CpuExclusive{.unit = CpuExclusive::Unit::threads, .count = 2}));
    EXPECT_EQ(pool_of("cpu: {seats: [\"0,8\", 2]}").cpu, CpuRequest(CpuSeats{{CpuSet{0, 8}, CpuSet{2}}}));
    EXPECT_THAT(mistakes_of("cpu: 2"), HasSubstr("did you mean '2 cores'?"));
    EXPECT_THAT(mistakes_of("cpu: 1 cor"), HasSubstr("did you mean '1 core'?"));
    EXPECT_THAT(mistakes_of("cpu: \"0-3\""), HasSubstr("CPUs by number stand in {seats: [...]}"));
    EXPECT_THAT(mistakes_of("cpu: 0 cores"), HasSubstr("is not from 1 to 4096"));
    EXPECT_THAT(mistakes_of("cpu: 4097 cores"), HasSubstr("is not from 1 to 4096"));
    EXPECT_EQ(pool_of("cpu: 4096 cores").cpu, CpuRequest(CpuExclusive{.count = 4096}));
    EXPECT_EQ(pool_of("cpu: l3").cpu, CpuRequest(CpuExclusive{.unit = CpuExclusive::Unit::l3}));
    EXPECT_EQ(pool_of("cpu: package").cpu, CpuRequest(CpuExclusive{.unit = CpuExclusive::Unit::package}));
    EXPECT_THAT(mistakes_of("cpu: 2 numa"), HasSubstr("expected auto, none"));
    EXPECT_THAT(mistakes_of("cpu: cores"), HasSubstr("expected auto, none"));
    EXPECT_THAT(mistakes_of("cpu: {}"), HasSubstr("key 'seat' or 'seats' is missing"));
    EXPECT_THAT(mistakes_of("cpu: [0]"), HasSubstr("expected auto, none"));
}

CpuExclusive seat_of(const std::string& block) { return std::get<CpuExclusive>(pool_of("cpu: {" + block + "}").cpu); }

TEST(Values, ABlockSaysMoreOfASeat) {
    EXPECT_EQ(seat_of("seat: 2 threads"), (CpuExclusive{.unit = CpuExclusive::Unit::threads, .count = 2}));
    EXPECT_EQ(seat_of("place: pack"), CpuExclusive{.place = CpuExclusive::Place::pack});
    EXPECT_EQ(seat_of("smt: one"), CpuExclusive{.smt = CpuExclusive::Smt::one});
    EXPECT_EQ(seat_of("kind: any"), CpuExclusive{.kind = CpuExclusive::Kind::any});
    EXPECT_EQ(seat_of("require: none"), CpuExclusive{});
    EXPECT_EQ(seat_of("require: core"), CpuExclusive{.require = CpuLevel::core});
    EXPECT_EQ(seat_of("keep_out: package"), CpuExclusive{.keep_out = CpuLevel::package});
    EXPECT_EQ(seat_of("bind: pool"), CpuExclusive{.bind = CpuExclusive::Bind::pool});
    EXPECT_EQ(seat_of("bind: l3"), CpuExclusive{.bind = CpuExclusive::Bind::l3});
    EXPECT_EQ(seat_of("oversubscribe: stack"), CpuExclusive{.oversubscribe = CpuExclusive::Oversubscribe::stack});
    EXPECT_EQ(seat_of("within: all"), CpuExclusive{});
    EXPECT_EQ(seat_of("within: numa:1"), CpuExclusive{.within = CpuScope({}, {{CpuLevel::numa, 1}})});
    EXPECT_EQ(seat_of("within: [\"0-3\", 8, l3:0]"),
              CpuExclusive{.within = CpuScope({0, 1, 2, 3, 8}, {{CpuLevel::l3, 0}})});
}

TEST(Values, ABlockOfASeatIsRefusedWhereItIsWrong) {
    EXPECT_THAT(mistakes_of("cpu: {bind: numas}"), HasSubstr("'cpu.bind'"));
    EXPECT_THAT(mistakes_of("cpu: {require: pool}"), HasSubstr("'cpu.require'"));
    EXPECT_THAT(mistakes_of("cpu: {seat: auto}"), HasSubstr("'cpu.seat'"));
    EXPECT_THAT(mistakes_of("cpu: {seat: 0 cores}"), HasSubstr("is not from 1 to 4096"));
    EXPECT_THAT(mistakes_of("cpu: {within: numa:x}"), HasSubstr("no place such as numa:0"));
    EXPECT_THAT(mistakes_of("cpu: {within: node:0}"), HasSubstr("no place such as numa:0"));
    EXPECT_THAT(mistakes_of("cpu: {within: []}"), HasSubstr("'cpu.within'"));
    EXPECT_THAT(mistakes_of("cpu: {seat: 1 thread, smt: one}"), HasSubstr("has no siblings to idle"));
    EXPECT_THAT(mistakes_of("cpu: {seats: [0], bind: pool}"), HasSubstr("'cpu.bind'"));
    EXPECT_THAT(mistakes_of("workers: {per: numa, count: 1}, cpu: {seats: [0]}"),
                HasSubstr("wants seats that are placed"));
    EXPECT_THAT(mistakes_of("cpu: {near: net:eth0}"), HasSubstr("is not supported yet"));
    EXPECT_THAT(mistakes_of("cpu: {on_cpu_loss: die}"), HasSubstr("'cpu.on_cpu_loss'"));
    EXPECT_THAT(mistakes_of("cpu: {seats: [0], on_cpu_loss: move}"), HasSubstr("'cpu.on_cpu_loss'"))
        << "named seats have nowhere to move to";
}

TEST(Values, SeatsAreListsThatDoNotOverlap) {
    EXPECT_THAT(mistakes_of("cpu: {seats: [\"0-2\", \"2\"]}"), HasSubstr("CPU 2 stands in two seats"));
    EXPECT_THAT(mistakes_of("cpu: {seats: []}"), HasSubstr("the list of seats is empty"));
    EXPECT_THAT(mistakes_of("cpu: {seats: [\"\"]}"), HasSubstr("the list of CPUs is empty"));
    EXPECT_THAT(mistakes_of("cpu: {seats: [\"3-1\"]}"), HasSubstr("error: 'cpu.seats'"));
    EXPECT_THAT(mistakes_of("cpu: {seats: 0}"), HasSubstr("expected a list such as"));
}

TEST(Values, SeatsMustBeEnoughForTheWorkers) {
    EXPECT_THAT(mistakes_of("workers: 3, cpu: {seats: [0, 1]}"), HasSubstr("3 workers have only 2 seats"));
    EXPECT_EQ(pool_of("workers: 2, cpu: {seats: [0, 1]}").workers.number, 2U);
    EXPECT_EQ(pool_of("workers: auto, cpu: {seats: [0, 1, 2]}").workers, (WorkerCount{false, 3}));
}

TEST(Values, CommandsAreListsOrSplitTexts) {
    const auto argv = [](const std::string& command) {
        const auto loaded = load_text("pools: {p: {command: " + command + "}}");
        EXPECT_TRUE(loaded) << diagnostics_of(loaded);
        return loaded ? loaded->pools().at("p")->command.argv : std::vector<std::string>{};
    };
    EXPECT_THAT(argv("[sh, -c, 'a | b', 5, true]"), ElementsAre("sh", "-c", "a | b", "5", "true"));
    EXPECT_THAT(argv("python3 -m 'x y'"), ElementsAre("python3", "-m", "x y"));
    EXPECT_THAT(argv("[\"${8/2}\", x]"), ElementsAre("${8/2}", "x")) << "a division is no path";
}

TEST(Values, BadCommandsSayWhatIsWrong) {
    const auto errors = [](const std::string& command) {
        return diagnostics_of(load_text("pools: {p: {command: " + command + "}}"));
    };
    EXPECT_THAT(errors("[]"), HasSubstr("the command names no program"));
    EXPECT_THAT(errors("\"\""), HasSubstr("the command names no program"));
    EXPECT_THAT(errors("[\"\", x]"), HasSubstr("the command names no program"));
    EXPECT_THAT(errors(""), HasSubstr("key 'command' is missing"));
    EXPECT_THAT(errors("{a: b}"), HasSubstr("expected a list of arguments, or a text, found a map"));
    EXPECT_THAT(errors("[a, [b]]"), HasSubstr("expected a text as each argument, found a list"));
    EXPECT_THAT(errors("[a, ~]"), HasSubstr("found nothing"));
    EXPECT_THAT(errors("echo 'x"), HasSubstr("the quote ' does not end"));
    EXPECT_THAT(errors("a && b"), HasSubstr("'&&' is for a shell, and the command is run by none"));
    EXPECT_THAT(errors("[a, $HOME]"), HasSubstr("1:26: error: 'command': "));
    EXPECT_THAT(errors("[a, \"x\\0y\"]"), HasSubstr("NUL byte"));
}

TEST(Values, AnArgumentHasTheKernelsBound) {
    const auto loaded = [](std::size_t size) {
        return load_text("pools: {p: {command: [x, " + std::string(size, 'a') + "]}}");
    };
    EXPECT_TRUE(loaded(limits::max_argv_bytes - 1));
    EXPECT_THAT(diagnostics_of(loaded(limits::max_argv_bytes)), HasSubstr("longer than the 131071 bytes"));
}

TEST(Values, RelativePathsAreTakenFromTheFilesFolder) {
    const Scratch scratch;
    const auto file = scratch.write("$odd/a.yaml", "pools: {p: {command: ./bin/x --y, cwd: 'data/${slot}'}}");
    const auto loaded = load({.path = file});
    ASSERT_TRUE(loaded) << diagnostics_of(loaded);
    const auto& spec = *loaded->pools().at("p");
    EXPECT_THAT(spec.command.argv, ElementsAre(scratch.path("$$odd/bin/x"), "--y"));
    EXPECT_EQ(spec.cwd, scratch.path("$$odd/data/${slot}"));
}

TEST(Values, EnvironmentTakesScalarsAsTheyAreWritten) {
    EXPECT_EQ(pool_of("env: {A: 1, B: true, C: 0x1F, D: \"\", E: '${slot}', F: 1e3}").env,
              (std::map<std::string, std::string>{
                  {"A", "1"}, {"B", "true"}, {"C", "0x1F"}, {"D", ""}, {"E", "${slot}"}, {"F", "1e3"}}));
    EXPECT_THAT(mistakes_of("env: {A: [x]}"), HasSubstr("'env.A': expected a text, found a list"));
    EXPECT_THAT(mistakes_of("env: {\"A=B\": x}"), HasSubstr("'A=B' can't be the name of a variable"));
    EXPECT_THAT(mistakes_of("env: {A: \"\\0\"}"), HasSubstr("NUL byte"));
    EXPECT_THAT(mistakes_of("env: {A: $B}"), HasSubstr("error: 'env.A'"));
    EXPECT_THAT(mistakes_of("env: [A=1]"), HasSubstr("expected a map such as {NAME: value}"));
    EXPECT_THAT(mistakes_of("env: {A: }"), HasSubstr("warning: 'env.A' has no value and is left out"));
    EXPECT_THAT(mistakes_of("env: {PINION_SLOT: 3}"), HasSubstr("warning: 'env.PINION_SLOT' has no effect"));
}

TEST(Values, EnvironmentComesFromThreePlaces) {
    const Scratch scratch;
    scratch.write("one.env", "A=file\nB=file\nC=$file\n");
    scratch.write("two.env", "B=second\n");
    const auto file =
        scratch.write("a.yaml",
                      "pools:\n  p:\n    command: [x]\n    env: {A: own}\n    env_file: [one.env, two.env]\n"
                      "    pass_env: [A, C, HOME, UNSET]\n");
    const auto loaded = load({.path = file, .environment = {{"A", "a"}, {"C", "c"}, {"HOME", "/$h"}, {"OTHER", "o"}}});
    ASSERT_TRUE(loaded) << diagnostics_of(loaded);
    EXPECT_EQ(loaded->pools().at("p")->env,
              (std::map<std::string, std::string>{{"A", "own"}, {"B", "second"}, {"C", "$$file"}, {"HOME", "/$$h"}}));
    EXPECT_EQ(loaded->origin("p", "env.A")->line, 4);
    EXPECT_EQ(loaded->origin("p", "env.B")->file, scratch.path("two.env"));
    EXPECT_EQ(loaded->origin("p", "env.HOME")->line, 6);
}

TEST(Values, EnvironmentFilesAreReadWithinTheirBound) {
    const Scratch scratch;
    const auto with = [&](std::size_t size) {
        scratch.write("x.env", "A=" + std::string(size - 2, 'x'));
        return load({.path = scratch.write("a.yaml", "pools: {p: {command: [x], env_file: [x.env]}}")});
    };
    EXPECT_TRUE(with(limits::max_env_file_bytes));
    EXPECT_THAT(diagnostics_of(with(limits::max_env_file_bytes + 1)), HasSubstr("larger than the 256 KiB"));
    EXPECT_THAT(mistakes_of("env_file: [/nonexistent/x]"),
                HasSubstr("'env_file': open '/nonexistent/x': no such file"));
    EXPECT_THAT(mistakes_of("env_file: x.env"), HasSubstr("did you mean [x.env]?"));
    EXPECT_THAT(mistakes_of("pass_env: [A=1]"), HasSubstr("(values stand in 'env')"));
    EXPECT_THAT(mistakes_of("pass_env: [A]", {.environment = {{"A", "\xff"}}}),
                HasSubstr("the daemon's 'A' is not UTF-8"));
}

TEST(Values, IdentitiesAreLookedUp) {
    const auto root = pool_of("user: root").identity.value();
    EXPECT_EQ(root.user, "root");
    EXPECT_EQ(root.home, "/root");
    EXPECT_EQ(root.uid, 0U);
    EXPECT_EQ(pool_of("user: 0").identity->user, "root");
    const auto stranger = pool_of("user: 54321, group: 12345, supplementary_groups: [root, 77]").identity.value();
    EXPECT_EQ(stranger.uid, 54321U);
    EXPECT_EQ(stranger.gid, 12345U);
    EXPECT_THAT(stranger.groups, ElementsAre(0U, 77U, 12345U));
    EXPECT_EQ(pool_of("group: 12345").identity->uid, ::geteuid());
    EXPECT_FALSE(pool_of("").identity);
}

TEST(Values, UnknownUsersAndGroupsAreErrors) {
    EXPECT_THAT(mistakes_of("user: no-such-user-x"), HasSubstr("there is no user 'no-such-user-x'"));
    EXPECT_THAT(mistakes_of("group: no-such-group-x"), HasSubstr("there is no group 'no-such-group-x'"));
    EXPECT_THAT(mistakes_of("supplementary_groups: [no-such-group-x]"), HasSubstr("there is no group"));
    EXPECT_THAT(mistakes_of("user: \"\""), HasSubstr("the name is empty"));
    EXPECT_THAT(mistakes_of("user: 4294967295"), HasSubstr("there is no user")) << "the kernel's 'no change'";
}

TEST(Values, UmasksAreOctal) {
    for (const char* text : {"022", "0o22", "\"022\"", "22", "0022"})
        EXPECT_EQ(pool_of("umask: " + std::string(text)).umask, 022U) << text;
    EXPECT_EQ(pool_of("umask: 0777").umask, 0777U);
    for (const char* text : {"01000", "8", "u=rwx", "0x12", "[]", "-1"})
        EXPECT_THAT(mistakes_of("umask: " + std::string(text)), HasSubstr("expected an octal number such as 022"))
            << text;
}

TEST(Values, SchedulingHasItsRanges) {
    EXPECT_EQ(pool_of("nice: -20").nice, -20);
    EXPECT_EQ(pool_of("nice: 19").nice, 19);
    EXPECT_THAT(mistakes_of("nice: 20"), HasSubstr("20 is above the bound of 19"));
    EXPECT_THAT(mistakes_of("nice: -21"), HasSubstr("-21 is below -20"));
    EXPECT_EQ(pool_of("oom_score_adj: -1000").oom_score_adj, -1000);
    EXPECT_THAT(mistakes_of("oom_score_adj: 1001"), HasSubstr("above the bound"));
    EXPECT_EQ(pool_of("scheduler: batch").scheduler, SchedulerPolicy::batch);
    EXPECT_THAT(mistakes_of("scheduler: fifo"), HasSubstr("expected other, batch or idle"));
    EXPECT_EQ(pool_of("io: {class: realtime, level: 0}").io, (IoPriority{IoClass::realtime, 0}));
    EXPECT_EQ(pool_of("io: {class: idle}").io->io_class, IoClass::idle);
    EXPECT_THAT(mistakes_of("io: {level: 1}"), HasSubstr("key 'class' is missing"));
    EXPECT_THAT(mistakes_of("io: {class: idle, level: 1}"), HasSubstr("class idle has no levels"));
    EXPECT_THAT(mistakes_of("io: {class: best_effort, level: 8}"), HasSubstr("above the bound of 7"));
    EXPECT_THAT(mistakes_of("io: {class: best-effort}"), HasSubstr("did you mean 'best_effort'?"));
}

TEST(Values, LimitsHaveUnits) {
    const auto limits =
        pool_of("limits: {nofile: 65536, core: unlimited, stack: \"1MiB:2MiB\", cpu: 1m, rttime: 5ms}").limits;
    EXPECT_THAT(limits, testing::UnorderedElementsAre(ResourceLimit{RLIMIT_NOFILE, 65536, 65536},
                                                      ResourceLimit{RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY},
                                                      ResourceLimit{RLIMIT_STACK, 1 << 20, 2 << 20},
                                                      ResourceLimit{RLIMIT_CPU, 60, 60},
                                                      ResourceLimit{RLIMIT_RTTIME, 5000, 5000}));
    EXPECT_THAT(mistakes_of("limits: {nofiles: 1}"),
                HasSubstr("unknown key 'limits.nofiles' (did you mean 'nofile'?)"));
    EXPECT_THAT(mistakes_of("limits: {stack: 8}"), HasSubstr("the size '8' has no unit"));
    EXPECT_THAT(mistakes_of("limits: {nofile: \"2:1\"}"), HasSubstr("the soft limit is above the hard one"));
    EXPECT_THAT(mistakes_of("limits: {nofile: \"1:2:3\"}"), HasSubstr("a soft and a hard one with ':' between"));
    EXPECT_THAT(mistakes_of("limits: {cpu: 1500ms}"), HasSubstr("whole seconds"));
    EXPECT_THAT(mistakes_of("limits: {nofile: []}"), HasSubstr("expected a limit"));
    EXPECT_THAT(mistakes_of("limits: 5"), HasSubstr("expected a map such as {nofile: 65536"));
}

TEST(Values, RestartPoliciesAreRead) {
    const auto restart =
        pool_of(
            "restart: {policy: on_failure, delay: 1s, max_delay: 1m, factor: 1.5, jitter: 12.5%, "
            "reset_after: 5m, limit: {count: 3, within: 10m}, success: [0, SIGTERM], fatal: [78, KILL]}")
            .restart;
    EXPECT_EQ(restart.policy, RestartWhen::on_failure);
    EXPECT_DOUBLE_EQ(restart.factor, 1.5);
    EXPECT_DOUBLE_EQ(restart.jitter, 0.125);
    EXPECT_EQ(restart.limit, (RestartLimit{3, 10min}));
    using Kind = ExitPattern::Kind;
    EXPECT_THAT(restart.success, ElementsAre(ExitPattern{Kind::code, 0}, ExitPattern{Kind::signal, SIGTERM}));
    EXPECT_THAT(restart.fatal, ElementsAre(ExitPattern{Kind::code, 78}, ExitPattern{Kind::signal, SIGKILL}));
}

TEST(Values, RestartPoliciesHaveTheirRanges) {
    EXPECT_THAT(mistakes_of("restart: {factor: 0.9}"), HasSubstr("0.9 is not between 1 and 100"));
    EXPECT_DOUBLE_EQ(pool_of("restart: {factor: 100}").restart.factor, 100);
    EXPECT_THAT(mistakes_of("restart: {factor: 100.5}"), HasSubstr("not between 1 and 100"));
    EXPECT_THAT(mistakes_of("restart: {factor: .nan}"), HasSubstr("expected a number"));
    EXPECT_THAT(mistakes_of("restart: {factor: nan}"), HasSubstr("expected a number"));
    EXPECT_DOUBLE_EQ(pool_of("restart: {jitter: 100%}").restart.jitter, 1);
    EXPECT_THAT(mistakes_of("restart: {jitter: 101%}"), HasSubstr("above 100%"));
    EXPECT_THAT(mistakes_of("restart: {jitter: 10}"), HasSubstr("did you mean '10%'?"));
    EXPECT_THAT(mistakes_of("restart: {success: 0}"), HasSubstr("did you mean [0]?"));
    EXPECT_THAT(mistakes_of("restart: {success: [256]}"), HasSubstr("an exit code from 0 to 255 or a signal"));
    EXPECT_THAT(mistakes_of("restart: {success: [SIGTREM]}"), HasSubstr("did you mean 'SIGTERM'?"));
    EXPECT_THAT(mistakes_of("restart: {limit: 3}"), HasSubstr("expected none, or a map"));
    EXPECT_THAT(mistakes_of("restart: {limit: {count: 3}}"), HasSubstr("key 'within' is missing"));
    EXPECT_THAT(mistakes_of("restart: {limit: {count: 0, within: 1s}}"), HasSubstr("0 is below 1"));
    EXPECT_THAT(mistakes_of("restart: {limit: {count: 1, within: 0}}"), HasSubstr("the window can't be empty"));
    EXPECT_THAT(mistakes_of("restart: {policy: alwasy}"), HasSubstr("did you mean 'always'?"));
}

TEST(Values, SignalsAreNames) {
    EXPECT_EQ(pool_of("stop: {signal: INT}").stop.signal, SIGINT);
    EXPECT_EQ(pool_of("stop: {signal: SIGRTMIN+3}").stop.signal, SIGRTMIN + 3);
    EXPECT_THAT(mistakes_of("stop: {signal: 15}"), HasSubstr("did you mean 'SIGTERM'?"));
    EXPECT_THAT(mistakes_of("stop: {signal: sigterm}"), HasSubstr("did you mean 'SIGTERM'?"));
    EXPECT_THAT(mistakes_of("stop: {signal: [TERM]}"), HasSubstr("expected a signal such as SIGTERM"));
}

TEST(Values, OutputGoesWhereItIsTold) {
    const auto log = pool_of("log: {stdout: null, stderr: debug}").log;
    EXPECT_EQ(log.out, LogTarget(LogToNull{}));
    EXPECT_EQ(log.err, LogTarget(LogToJournal{7}));
    const auto other = pool_of("log: {stdout: file:/var/log/x, stderr: direct}").log;
    EXPECT_EQ(other.out, LogTarget(LogToFile{"/var/log/x"}));
    EXPECT_EQ(other.err, LogTarget(LogDirect{4}));
    EXPECT_THAT(mistakes_of("log: {stdout: error}"), HasSubstr("did you mean 'err'?"));
    EXPECT_THAT(mistakes_of("log: {stdout: /var/log/x}"), HasSubstr("did you mean 'file:/var/log/x'?"));
    EXPECT_THAT(mistakes_of("log: {stdout: file:x.log}"), HasSubstr("the file's path must begin with '/'"));
    EXPECT_THAT(mistakes_of("log: {stdout: 3}"), HasSubstr("did you mean 'err'?"));
}

TEST(Values, MachineSaysWhichCpusMayBeUsed) {
    const auto machine = [](const std::string& text) { return load_text("machine: {" + text + "}"); };
    EXPECT_FALSE(machine("cpus: all")->machine().cpus);
    EXPECT_EQ(machine("cpus: \"0-3,8\"")->machine().cpus, (CpuSet{0, 1, 2, 3, 8}));
    EXPECT_EQ(machine("cpus: 3")->machine().cpus, (CpuSet{3}));
    EXPECT_EQ(machine("reserve: 2")->machine().reserve_cores, 2U);
    EXPECT_EQ(machine("reserve: {cpus: \"0,8\"}")->machine().reserve_cpus, (CpuSet{0, 8}));
    EXPECT_EQ(machine("cpus: [numa:0, \"4-5\"]")->machine().cpus, CpuScope({4, 5}, {{CpuLevel::numa, 0}}));
    EXPECT_EQ(machine("reserve: {per: numa, cores: 1}")->machine(),
              (MachineSpec{.reserve_cores = 1, .reserve_per = CpuLevel::numa}));
    EXPECT_EQ(machine("isolated: only, half_cores: forbid, inherited_mask: ignore")->machine(),
              (MachineSpec{.isolated = MachineSpec::Isolated::only, .inherited_mask = false, .half_cores = false}));
    EXPECT_EQ(machine("isolated: skip, half_cores: warn, inherited_mask: honor")->machine(), MachineSpec{});
    EXPECT_THAT(diagnostics_of(machine("reserve: {per: numa}")), HasSubstr("'per' and 'cores' go together"));
    EXPECT_THAT(diagnostics_of(machine("reserve: {cpus: 0, per: numa, cores: 1}")), HasSubstr("goes without"));
    EXPECT_EQ(machine("audit: 100ms")->machine().audit, 100ms);
    EXPECT_EQ(machine("audit: 0")->machine().audit, 0s);
    EXPECT_THAT(diagnostics_of(machine("audit: 99ms")), HasSubstr("shorter than 100ms"));
    EXPECT_EQ(machine("foreign_pins: error")->machine().foreign_pins, MachineSpec::ForeignPins::error);
    EXPECT_THAT(diagnostics_of(machine("foreign_pins: avoid")), HasSubstr("'avoid' is not supported yet"));
    EXPECT_THAT(diagnostics_of(machine("foreign_pins: on")), HasSubstr("'machine.foreign_pins'"));
    EXPECT_THAT(diagnostics_of(machine("cpus: \"4096\"")), HasSubstr("error: 'machine.cpus'"));
}

}  // namespace
}  // namespace pinion::config
