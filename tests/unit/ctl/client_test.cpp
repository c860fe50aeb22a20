// SPDX-License-Identifier: Apache-2.0
// The client against a real peer-to-peer connection, and the commands as they run over it.
#include "ctl/client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl_testing.h"
#include "fake_daemon.h"
#include "wire/bus_names.h"

namespace pinion::ctl {
namespace {

using namespace std::chrono_literals;
using test::FakeDaemon;
using test::FakeWorld;
using test::Outcome;

FakeWorld two_pools() {
    return {.pools = {{.name = "web", .wanted = 2, .up = 2}, {.name = "mail"}},
            .workers = {{.pool = "web", .slot = 1}, {.pool = "web", .slot = 0}, {.pool = "mail"}}};
}

template <class Options>
Outcome run_with(const std::string& runtime_dir, const Options& options, GlobalOptions global = {}) {
    global.runtime_dir = runtime_dir;
    return test::caught_run(options, global);
}

TEST(Client, ReadsRowsInOrder) {
    FakeDaemon daemon(two_pools());
    auto client = Client::connect(daemon.runtime_dir());
    ASSERT_TRUE(client) << client.error().message;
    const auto pools = client->pools();
    ASSERT_TRUE(pools) << pools.error().message;
    ASSERT_EQ(pools->size(), 2U);
    EXPECT_EQ((*pools)[0].name, "mail");
    EXPECT_EQ((*pools)[1].up, 2U);
    EXPECT_EQ((*pools)[1].cores_used, 0.5);
    const auto workers = client->workers("web");
    ASSERT_TRUE(workers);
    ASSERT_EQ(workers->size(), 2U);
    EXPECT_EQ((*workers)[0].slot, 0U);
    EXPECT_EQ((*workers)[0].cpus, "0,8");
}

TEST(Client, ReadsNestedAnswers) {
    FakeDaemon daemon(two_pools());
    auto client = Client::connect(daemon.runtime_dir());
    const auto facts = client->explain("web/3");
    ASSERT_TRUE(facts) << facts.error().message;
    EXPECT_EQ(facts->find("curve")->dump(), "[0,100000,200000]");
    EXPECT_EQ(facts->find("deaths")->dump(), R"([{"generation":7,"what":"exit 1","last_lines":["one","two"]}])");
}

TEST(Client, MapsErrorNamesToExitCodes) {
    const std::pair<const char*, Exit> names[] = {{bus::error_not_found, Exit::not_found},
                                                  {bus::error_refused, Exit::failed},
                                                  {bus::error_access_denied, Exit::denied},
                                                  {bus::error_invalid, Exit::usage},
                                                  {"org.pinion.Error.Novel", Exit::failed}};
    for (const auto& [name, exit] : names) {
        FakeWorld world = two_pools();
        world.error_name = name;
        world.error_text = "why not";
        FakeDaemon daemon(std::move(world));
        auto client = Client::connect(daemon.runtime_dir());
        const auto answer = client->scale("web", 3);
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error(), (Failure{exit, "why not"})) << name;
    }
}

TEST(Client, SaysThatNobodyIsThere) {
    const auto client = Client::connect("/nonexistent");
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().exit, Exit::unreachable);
    EXPECT_EQ(client.error().message,
              "connect to piniond at '/nonexistent/control.sock': no such file or directory; is it running? Start it "
              "('systemctl start pinion'), or name its folder with --runtime-dir");
}

TEST(Client, ReachesASocketWhosePathIsTooLongForOne) {
    FakeDaemon daemon(two_pools());
    std::string longer = daemon.runtime_dir();
    while (longer.size() < 300) longer += "/.";
    auto client = Client::connect(longer);
    ASSERT_TRUE(client) << client.error().message;
    EXPECT_TRUE(client->pools());
}

TEST(Client, EndsAsUnreachableWhenTheDaemonDiesInACall) {
    FakeDaemon daemon(two_pools());
    daemon.hang_up_at("ListPools");
    auto client = Client::connect(daemon.runtime_dir());
    const auto pools = client->pools();
    ASSERT_FALSE(pools);
    EXPECT_EQ(pools.error().exit, Exit::unreachable) << pools.error().message;
}

TEST(Client, WaitsNoLongerThanItsDeadline) {
    FakeDaemon daemon(two_pools());
    auto client = Client::connect(daemon.runtime_dir());
    ASSERT_TRUE(client->subscribe());
    const auto event = client->next_event(Duration(1ms));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_FALSE(*event);
}

TEST(Status, IsZeroWhenAnsweredWhateverTheState) {
    FakeWorld world = two_pools();
    world.pools[0].state = "failed";
    FakeDaemon daemon(std::move(world));
    const Outcome outcome = run_with(daemon.runtime_dir(), StatusOptions{});
    EXPECT_EQ(outcome.exit, Exit::done);
    EXPECT_NE(outcome.out.find("web"), std::string::npos);
    EXPECT_EQ(outcome.err, "");
}

TEST(Status, SaysWhereToPutAPoolWhenThereIsNone) {
    FakeDaemon daemon(FakeWorld{});
    const Outcome outcome = run_with(daemon.runtime_dir(), StatusOptions{});
    EXPECT_EQ(outcome.exit, Exit::done);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err,
              "pinionctl: no pools are defined: put one into '/etc/pinion/pools.d/NAME.yaml', then say 'pinionctl "
              "reload'\n");
    EXPECT_EQ(run_with(daemon.runtime_dir(), StatusOptions{}, {.format = Format::json}).out,
              "{\"version\":1,\"pools\":[]}\n");
}

TEST(Status, KnowsNoPoolOfThatNameButANearOne) {
    FakeDaemon daemon(two_pools());
    const Outcome outcome = run_with(daemon.runtime_dir(), StatusOptions{.pool = "wbe"});
    EXPECT_EQ(outcome.exit, Exit::not_found);
    EXPECT_EQ(outcome.err, "pinionctl: there is no pool 'wbe' (did you mean 'web'?)\n");
}

TEST(Start, WaitsUntilTheWorkersRun) {
    FakeWorld world = two_pools();
    world.workers[0].state = "idle";
    FakeDaemon daemon(std::move(world));
    daemon.then(
        {[](FakeWorld& w) { w.workers[0].state = "starting"; }, [](FakeWorld& w) { w.workers[0].state = "running"; }});
    const Outcome outcome = run_with(daemon.runtime_dir(), ActOptions{.verb = Verb::start, .targets = {"web"}});
    EXPECT_EQ(outcome.exit, Exit::done) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(daemon.calls(), std::vector<std::string>{"Start web"});
}

TEST(Start, FailsWithTheWorkersThatDidNotGetUp) {
    FakeWorld world = two_pools();
    world.workers[0] = {.pool = "web", .slot = 1, .state = "backoff", .pid = 0, .note = "exit 1"};
    FakeDaemon daemon(std::move(world));
    const Outcome outcome = run_with(daemon.runtime_dir(), ActOptions{.verb = Verb::start, .targets = {"web"}});
    EXPECT_EQ(outcome.exit, Exit::failed);
    EXPECT_EQ(outcome.err, "pinionctl: worker 'web/1' is in back-off: exit 1\n");
}

TEST(Restart, WaitsForTheNextGeneration) {
    FakeDaemon daemon(two_pools());
    daemon.then({[](FakeWorld&) {}, [](FakeWorld& w) { w.workers[2].generation = 2; }});
    const Outcome outcome = run_with(daemon.runtime_dir(), ActOptions{.verb = Verb::restart, .targets = {"mail/0"}});
    EXPECT_EQ(outcome.exit, Exit::done) << outcome.err;
}

TEST(Restart, GivesUpAfterItsTimeout) {
    FakeDaemon daemon(two_pools());
    const Outcome outcome = run_with(daemon.runtime_dir(),
                                     ActOptions{.verb = Verb::restart, .targets = {"mail"}, .timeout = Duration(1ms)});
    EXPECT_EQ(outcome.exit, Exit::failed);
    EXPECT_EQ(outcome.err, "pinionctl: restart: not done in time; the daemon carries on\n");
}

TEST(Stop, DoesNothingWhenAnyOfItsTargetsIsUnknown) {
    FakeDaemon daemon(two_pools());
    const Outcome outcome =
        run_with(daemon.runtime_dir(), ActOptions{.verb = Verb::stop, .targets = {"web", "nosuch"}});
    EXPECT_EQ(outcome.exit, Exit::not_found);
    EXPECT_TRUE(daemon.calls().empty());
}

TEST(Stop, WaitsUntilNoProcessIsLeft) {
    FakeDaemon daemon(two_pools());
    daemon.then({[](FakeWorld& w) { w.workers[2].state = "stopping"; },
                 [](FakeWorld& w) { w.workers[2].state = "idle", w.workers[2].pid = 0; }});
    const Outcome outcome = run_with(daemon.runtime_dir(), ActOptions{.verb = Verb::stop, .targets = {"mail"}});
    EXPECT_EQ(outcome.exit, Exit::done) << outcome.err;
}

TEST(Scale, WaitsForTheNewWorkersAndForTheEndOfTheOld) {
    FakeDaemon daemon(two_pools());
    daemon.then({[](FakeWorld& w) { w.pools[0].wanted = 3; },
                 [](FakeWorld& w) { w.workers.push_back({.pool = "web", .slot = 2, .state = "starting"}); },
                 [](FakeWorld& w) { w.workers.back().state = "running"; }});
    EXPECT_EQ(run_with(daemon.runtime_dir(), ScaleOptions{.pool = "web", .workers = 3}).exit, Exit::done);
    EXPECT_EQ(daemon.calls(), std::vector<std::string>{"Scale web 3"});
}

TEST(Wait, JoinsPoolsThatEnd) {
    FakeWorld world = two_pools();
    for (auto& worker : world.workers) worker.state = "completed", worker.pid = 0;
    for (auto& pool : world.pools) pool.state = "completed";
    FakeDaemon daemon(std::move(world));
    EXPECT_EQ(run_with(daemon.runtime_dir(), WaitOptions{}).exit, Exit::done);
}

TEST(Wait, IsThreeAfterItsTimeoutAndFourForAnUnknownPool) {
    FakeDaemon daemon(two_pools());
    const Outcome outcome = run_with(daemon.runtime_dir(), WaitOptions{.timeout = Duration(1ms)});
    EXPECT_EQ(outcome.exit, Exit::unhealthy);
    EXPECT_EQ(outcome.err, "pinionctl: not at rest in time\n");
    EXPECT_EQ(run_with(daemon.runtime_dir(), WaitOptions{.pools = {"nosuch"}}).exit, Exit::not_found);
    EXPECT_EQ(run_with(daemon.runtime_dir(), WaitOptions{.pools = {"web"}, .ready = true}).exit, Exit::done);
}

TEST(IsHealthy, IsSilentAndCountsStartingAndDegradedAsNot) {
    for (const auto& [state, exit] : {std::pair{"running", Exit::done}, std::pair{"completed", Exit::done},
                                      std::pair{"starting", Exit::unhealthy}, std::pair{"degraded", Exit::unhealthy},
                                      std::pair{"failed", Exit::unhealthy}, std::pair{"stopped", Exit::unhealthy}}) {
        FakeWorld world = two_pools();
        world.pools[0].state = state;
        FakeDaemon daemon(std::move(world));
        for (const char* pool : {"", "web"}) {
            const Outcome outcome = run_with(daemon.runtime_dir(), HealthOptions{.pool = pool});
            EXPECT_EQ(outcome.exit, exit) << state;
            EXPECT_EQ(outcome.out + outcome.err, "");
        }
        EXPECT_EQ(run_with(daemon.runtime_dir(), HealthOptions{.pool = "mail"}).exit, Exit::done);
    }
}

TEST(Kill, FailsWhereNothingRuns) {
    FakeWorld world = two_pools();
    world.workers.clear();
    FakeDaemon daemon(std::move(world));
    const Outcome outcome = run_with(daemon.runtime_dir(), KillOptions{.target = "web", .signal = 1});
    EXPECT_EQ(outcome.exit, Exit::failed);
    EXPECT_EQ(outcome.err, "pinionctl: send SIGHUP to 'web': no worker of it runs\n");
    EXPECT_EQ(daemon.calls(), std::vector<std::string>{"Kill web 1"});
}

TEST(Reload, SaysWhatChanged) {
    FakeWorld world;
    world.reload_messages = {"web: retuned"};
    FakeDaemon daemon(std::move(world));
    EXPECT_EQ(run_with(daemon.runtime_dir(), ReloadOptions{}).out, "web: retuned\n");
    EXPECT_EQ(run_with(daemon.runtime_dir(), ReloadOptions{}, {.format = Format::json}).out,
              "{\"version\":1,\"changed\":true,\"messages\":[\"web: retuned\"]}\n");
}

TEST(Reload, ShowsEveryReasonOfARefusal) {
    FakeWorld world;
    world.error_name = bus::error_refused;
    world.error_text = "a.yaml:1:1: error: one\nb.yaml:2:2: error: two";
    FakeDaemon daemon(std::move(world));
    const Outcome outcome = run_with(daemon.runtime_dir(), ReloadOptions{});
    EXPECT_EQ(outcome.exit, Exit::failed);
    EXPECT_EQ(outcome.err, "pinionctl: a.yaml:1:1: error: one\npinionctl: b.yaml:2:2: error: two\n");
}

TEST(Events, AreJsonLinesOnRequest) {
    FakeWorld world;
    world.history = {{.event = "worker-died", .at = 5, .pool = "web", .message = "web/0 died"},
                     {.event = "worker-started", .at = 6, .pool = "web", .message = "web/0 started"}};
    FakeDaemon daemon(std::move(world));
    const Outcome outcome = run_with(daemon.runtime_dir(), EventsOptions{.lines = 1}, {.format = Format::json});
    EXPECT_EQ(
        outcome.out,
        "{\"event\":\"worker-started\",\"at\":6,\"pool\":\"web\",\"priority\":6,\"message\":\"web/0 started\"}\n");
}

TEST(Show, PrintsKeysAndValues) {
    FakeDaemon daemon(two_pools());
    EXPECT_EQ(run_with(daemon.runtime_dir(), ShowOptions{.target = "web/1", .properties = {"Pid", "Cpus"}}).out,
              "Pid=100\nCpus=0,8\n");
    EXPECT_EQ(run_with(daemon.runtime_dir(), ShowOptions{.target = "web", .properties = {"StoppedByOperator"}}).out,
              "StoppedByOperator=no\n");
    EXPECT_EQ(run_with(daemon.runtime_dir(), ShowOptions{.target = "web/9"}).exit, Exit::not_found);
}

TEST(Explain, TellsTheStory) {
    FakeDaemon daemon(two_pools());
    const Outcome outcome = run_with(daemon.runtime_dir(), ExplainOptions{.worker = "web/3"});
    EXPECT_EQ(outcome.exit, Exit::done);
    EXPECT_NE(outcome.out.find("Worker:   web/3\nState:    backoff\n"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("generation 7: exit 1\n      | one\n      | two\n"), std::string::npos) << outcome.out;
    EXPECT_EQ(run_with(daemon.runtime_dir(), ExplainOptions{.worker = "web"}).exit, Exit::usage);
}

TEST(Logs, FallBackToWhatTheDaemonRemembersAndSaySo) {
    FakeWorld world;
    world.lines = {
        {.at = 1, .slot = 0, .text = "one"}, {.at = 2, .slot = 1, .text = "two"}, {.at = 3, .text = "three"}};
    FakeDaemon daemon(std::move(world));
    // No journal has lines of a pool of this name, whether there is a journal or not.
    const LogsOptions options{.target = "unheard-of-pool", .lines = 2};
    const Outcome outcome = run_with(daemon.runtime_dir(), options, {.format = Format::json});
    EXPECT_EQ(outcome.exit, Exit::done);
    EXPECT_EQ(outcome.out,
              "{\"at\":2,\"pool\":\"unheard-of-pool\",\"slot\":1,\"priority\":6,\"message\":\"two\"}\n"
              "{\"at\":3,\"pool\":\"unheard-of-pool\",\"slot\":0,\"priority\":6,\"message\":\"three\"}\n");
    EXPECT_NE(outcome.err.find("; showing the last lines of each worker that the daemon remembers\n"),
              std::string::npos)
        << outcome.err;
}

TEST(CompletionWords, AreLiveAndSilentWithoutADaemon) {
    FakeDaemon daemon(two_pools());
    EXPECT_EQ(run_with(daemon.runtime_dir(), WordsOptions{.kind = "pools"}).out, "mail\nweb\n");
    EXPECT_EQ(run_with(daemon.runtime_dir(), WordsOptions{.kind = "targets"}).out, "mail\nweb\nmail/0\nweb/0\nweb/1\n");
    const Outcome outcome = run_with("/nonexistent", WordsOptions{.kind = "pools"});
    EXPECT_EQ(outcome.exit, Exit::done);
    EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST(Commands, AreFiveWithoutADaemon) {
    EXPECT_EQ(run_with("/nonexistent", StatusOptions{}).exit, Exit::unreachable);
    EXPECT_EQ(run_with("/nonexistent", HealthOptions{}).exit, Exit::unreachable);
    EXPECT_EQ(run_with("/nonexistent", ReloadOptions{}).exit, Exit::unreachable);
    EXPECT_EQ(run_with("/nonexistent", WaitOptions{}).exit, Exit::unreachable);
    EXPECT_EQ(run_with("/nonexistent", EventsOptions{}).exit, Exit::unreachable);
}

}  // namespace
}  // namespace pinion::ctl
