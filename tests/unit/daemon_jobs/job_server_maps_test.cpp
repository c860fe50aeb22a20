// SPDX-License-Identifier: Apache-2.0
// Maps over the job socket: results in order or as they finish, as far as the client allows, and coming back to one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "connection_harness.h"

namespace pinion::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using enum wire::MessageType;

class Maps : public ::testing::Test {
protected:
    Maps() {
        queue_.declare("film");
        queue_.declare("other");
        client_ = TestClient::greeted(queue_);
    }
    // The number of the map.
    std::uint64_t open(const std::string& more = "") {
        const auto reply = client_->ask(frame(open_map, 5, R"({"pool":"film")" + more + "}"));
        EXPECT_EQ(reply.type, map_opened) << reply.text("message");
        return reply.head.find("map") == nullptr ? 0 : reply.head.find("map")->as_uint().value();
    }
    void add(std::uint64_t map, std::uint64_t from, std::size_t count) {
        std::vector<std::string> inputs;
        for (std::size_t i = 0; i < count; ++i) inputs.push_back(std::to_string(from + i));
        client_->say(body_frame(add_items, map, R"({"from":)" + std::to_string(from) + "}", inputs));
    }
    void seal(std::uint64_t map) { client_->say(frame(seal_map, map, "{}")); }
    void allow(std::uint64_t map, std::uint64_t results) {
        client_->say(frame(wire::MessageType::allow, map, R"({"results":)" + std::to_string(results) + "}"));
    }
    // Ends the item of that index.
    void end(std::uint64_t map, std::uint64_t index, jobs::JobState state = jobs::JobState::done) {
        queue_.end(queue_.item(map, index), std::to_string(index * 10), state);
    }
    // "0=0 1=10 done": what has come of results, and the end.
    std::string results(TestClient& client) {
        std::string text;
        for (const auto& reply : client.take()) {
            if (reply.type == failure) text += "failure: " + reply.text("message") + " ";
            if (reply.type == map_done) text += "done ";
            if (reply.type != finished) continue;
            const auto& rows = reply.head.find("jobs")->items();
            for (std::size_t i = 0; i < rows.size(); ++i) {
                text += rows[i].find("index")->dump() + "=" + reply.items.at(i);
                const std::string state = *rows[i].find("state")->as_string();
                text += state == "done" ? " " : state + " ";
            }
        }
        if (!text.empty()) text.pop_back();
        return text;
    }
    std::string results() { return results(*client_); }

    FakeJobQueue queue_;
    std::unique_ptr<TestClient> client_;
};

TEST_F(Maps, ResultsComeInTheOrderOfTheInputs) {
    const auto map = open();
    allow(map, 100);
    add(map, 0, 3);
    EXPECT_THAT(client_->take().at(0).text("ids"), "[1,2,3]");
    end(map, 2);
    EXPECT_EQ(results(), "");
    end(map, 0);
    EXPECT_EQ(results(), "0=0");
    end(map, 1, jobs::JobState::failed);
    EXPECT_EQ(results(), "1=failed 2=20");
    seal(map);
    EXPECT_EQ(results(), "done");
    EXPECT_TRUE(queue_.map_of(map).stored.sealed);
    EXPECT_FALSE(queue_.map_of(map).cancelled);
    EXPECT_TRUE(queue_.looked_up.empty()) << "a client that keeps up costs no reading";
}

TEST_F(Maps, UnorderedResultsComeAsTheyFinish) {
    const auto map = open(R"(,"unordered":true)");
    allow(map, 100);
    add(map, 0, 3);
    seal(map);
    end(map, 2);
    end(map, 0);
    EXPECT_EQ(results(), "2=20 0=0");
    end(map, 1);
    EXPECT_EQ(results(), "1=10 done");
}

TEST_F(Maps, NoMoreResultsComeThanTheClientAllows) {
    for (const char* more : {"", R"(,"unordered":true)"}) {
        const auto map = open(more);
        add(map, 0, 4);
        seal(map);
        for (std::uint64_t i = 0; i < 4; ++i) end(map, i);
        EXPECT_EQ(results(), "");
        allow(map, 1);
        EXPECT_EQ(results(), "0=0");
        allow(map, 2);
        EXPECT_EQ(results(), "1=10 2=20");
        allow(map, UINT64_MAX);
        allow(map, UINT64_MAX);
        EXPECT_EQ(results(), "3=30 done");
    }
}

TEST_F(Maps, ResultsThatAreTooManyToKeepAreReadBack) {
    for (const char* more : {"", R"(,"unordered":true)"}) {
        const std::string large = '"' + std::string(300'000, 'x') + '"';
        const auto map = open(more);
        add(map, 0, 12);
        seal(map);
        for (const JobId id : queue_.waiting()) queue_.end(id, large);
        client_->take();
        queue_.looked_up.clear();
        std::size_t count = 0;
        for (int i = 0; i < 12; ++i) {
            allow(map, 1);
            for (const auto& reply : client_->take())
                if (reply.type == finished) ++count;
        }
        EXPECT_EQ(count, 12U);
        EXPECT_EQ(queue_.looked_up.size(), 9U) << "three were kept";
    }
}

TEST_F(Maps, AnEndThatIsNotAResultIsCountedInTheProgress) {
    const auto map = open();
    add(map, 0, 2);
    seal(map);
    client_->take();
    end(map, 1, jobs::JobState::failed);
    EXPECT_TRUE(client_->take().empty());
    ASSERT_EQ(client_->connection->deadline(), client_->time + socket_limits::progress_every);
    client_->time += socket_limits::progress_every;
    client_->connection->tick(client_->time);
    const auto told = client_->take();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].type, map_progress);
    EXPECT_EQ(told[0].head.dump(), R"({"finished":1,"failed":1,"total":2})");
    EXPECT_EQ(client_->connection->deadline(), std::nullopt) << "idle, it does not wake";
}

TEST_F(Maps, WithoutANameAMapIsCancelledWithItsClient) {
    const auto map = open();
    add(map, 0, 2);
    client_.reset();
    queue_.settle();
    EXPECT_TRUE(queue_.map_of(map).cancelled);
    EXPECT_TRUE(queue_.waiting().empty());
    EXPECT_EQ(queue_.listeners(), 0U);
}

TEST_F(Maps, AMapWhoseItemsAreStillOnTheirWayIsCancelledToo) {
    const auto map = open();
    client_->connection->feed(body_frame(add_items, map, R"({"from":0})", {"1"}));
    client_.reset();
    queue_.settle();
    EXPECT_TRUE(queue_.waiting().empty());
}

TEST_F(Maps, ANamedMapGoesOnWithoutItsClient) {
    const auto map = open(R"(,"name":"reel")");
    add(map, 0, 2);
    seal(map);
    client_.reset();
    queue_.settle();
    EXPECT_FALSE(queue_.map_of(map).cancelled);
    EXPECT_EQ(queue_.waiting().size(), 2U);
}

TEST_F(Maps, OneThatIsCompleteIsNotCancelled) {
    const auto map = open();
    allow(map, 1);
    add(map, 0, 1);
    seal(map);
    end(map, 0);
    EXPECT_EQ(results(), "0=0 done");
    client_.reset();
    EXPECT_FALSE(queue_.map_of(map).cancelled);
}

TEST_F(Maps, AnEmptyMapIsDoneWhenItIsSealed) {
    const auto map = open();
    seal(map);
    EXPECT_EQ(results(), "done");
}

TEST_F(Maps, TheSameInputsGivenAgainGiveTheSameResults) {
    auto map = open(R"(,"name":"reel")");
    add(map, 0, 3);
    end(map, 0);
    end(map, 2);
    client_ = TestClient::greeted(queue_);
    map = open(R"(,"name":"reel")");
    allow(map, 10);
    add(map, 0, 3);
    seal(map);
    EXPECT_EQ(results(), "0=0");
    end(map, 1);
    EXPECT_EQ(results(), "1=10 2=20 done");
}

TEST_F(Maps, FewerInputsThanBeforeNeedAnotherName) {
    auto map = open(R"(,"name":"reel")");
    add(map, 0, 3);
    client_ = TestClient::greeted(queue_);
    map = open(R"(,"name":"reel")");
    add(map, 0, 2);
    seal(map);
    EXPECT_THAT(results(), HasSubstr("it has 3 items, and 2 were given"));
}

TEST_F(Maps, ItemsBeyondTheWindowWaitForResultsToBeTaken) {
    const auto map = open();
    add(map, 0, socket_limits::map_window);
    client_->take();
    add(map, socket_limits::map_window, 2);
    seal(map);
    EXPECT_TRUE(client_->take().empty()) << "held";
    EXPECT_EQ(queue_.waiting().size(), socket_limits::map_window);
    for (std::uint64_t i = 0; i < 2; ++i) end(map, i);
    client_->go_on();
    EXPECT_EQ(queue_.waiting().size(), socket_limits::map_window - 2) << "ended, but not taken";
    allow(map, UINT64_MAX);
    client_->go_on();
    EXPECT_EQ(queue_.waiting().size(), socket_limits::map_window);
    for (std::uint64_t i = 2; i < socket_limits::map_window + 2; ++i) end(map, i);
    EXPECT_TRUE(results().ends_with("done"));
}

TEST_F(Maps, ASmallAddWaitsBehindALargeOneThatWaits) {
    const auto map = open();
    add(map, 0, socket_limits::map_window - 1);
    client_->take();
    add(map, socket_limits::map_window - 1, 5);
    EXPECT_TRUE(client_->take().empty()) << "held";
    add(map, socket_limits::map_window + 4, 1);
    EXPECT_TRUE(client_->take().empty()) << "it would fit, but not before the others";
    EXPECT_EQ(queue_.waiting().size(), socket_limits::map_window - 1);
}

TEST_F(Maps, AThirdUnansweredAddIsRefused) {
    const auto map = open();
    queue_.admits = false;
    add(map, 0, 1);
    add(map, 1, 1);
    EXPECT_EQ(results(), "");
    add(map, 2, 1);
    EXPECT_THAT(results(), HasSubstr("wait for the answers"));
    queue_.settle();
    EXPECT_TRUE(queue_.map_of(map).cancelled);
}

TEST_F(Maps, ItemsMustFollowOneAnother) {
    const auto map = open();
    add(map, 1, 1);
    EXPECT_THAT(results(), HasSubstr("the next is 0, not 1"));
    add(map, 0, 1);
    EXPECT_THAT(results(), HasSubstr("no such map is open here"));
}

TEST_F(Maps, WithoutResultsNothingIsKeptForTheClient) {
    const auto map = open(R"(,"name":"reel","results":false)");
    add(map, 0, socket_limits::map_window);
    add(map, socket_limits::map_window, 5);
    EXPECT_EQ(client_->take().size(), 2U);
    EXPECT_EQ(queue_.listeners(), 0U);
    seal(map);
    EXPECT_EQ(results(), "done");
}

TEST_F(Maps, WithoutResultsItIsDoneWhenItsSealIsKept) {
    queue_.holds_seals = true;
    const auto map = open(R"(,"results":false)");
    add(map, 0, 3);
    seal(map);
    EXPECT_EQ(results(), "");
    ASSERT_EQ(queue_.held_seals.size(), 1U);
    queue_.held_seals[0]();
    EXPECT_EQ(results(), "done");
    queue_.settle();
    EXPECT_FALSE(queue_.map_of(map).cancelled);
}

TEST_F(Maps, WithoutResultsItFailsWhereItsSealCanNotBeKept) {
    queue_.why_no_seals = "the disk is full";
    const auto map = open(R"(,"results":false)");
    add(map, 0, 3);
    seal(map);
    EXPECT_EQ(results(), "failure: the disk is full");
    EXPECT_FALSE(queue_.map_of(map).cancelled) << "it goes on as long as this daemon does";
}

TEST_F(Maps, AConnectionHasOnlySoManyOpen) {
    for (std::size_t i = 0; i < socket_limits::max_maps; ++i) open();
    EXPECT_EQ(client_->ask(frame(open_map, 5, R"({"pool":"film"})")).text("code"), "busy");
}

// --- Coming back

class Attaching : public Maps {
protected:
    Attaching() {
        map_ = open(R"(,"name":"reel")");
        add(map_, 0, 6);
        filler_ = std::exchange(client_, TestClient::greeted(queue_));
    }
    void attach(std::uint64_t from = 0) {
        const auto all = client_->take();
        client_->say(frame(attach_map, 8, R"({"name":"reel","from":)" + std::to_string(from) + "}"));
    }
    std::uint64_t map_ = 0;
    std::unique_ptr<TestClient> filler_;
};

TEST_F(Attaching, GivesWhatHasEndedThenWhatEnds) {
    queue_.seal_map(MapId{map_});
    end(map_, 0);
    end(map_, 1);
    end(map_, 4);
    attach();
    allow(map_, 100);
    EXPECT_EQ(results(), "0=0 1=10");
    end(map_, 3);
    end(map_, 2);
    client_->time += socket_limits::read_again;
    client_->connection->tick(client_->time);
    EXPECT_EQ(results(), "2=20 3=30 4=40");
    client_->time += socket_limits::read_again;
    client_->connection->tick(client_->time);
    end(map_, 5);
    EXPECT_EQ(results(), "5=50 done");
}

TEST_F(Attaching, BeginsAtTheIndexThatIsAskedFor) {
    queue_.seal_map(MapId{map_});
    for (std::uint64_t i = 0; i < 6; ++i) end(map_, i);
    attach(4);
    allow(map_, 100);
    EXPECT_EQ(results(), "4=40 5=50 done");
}

TEST_F(Attaching, SendsNoMoreThanAllowed) {
    queue_.seal_map(MapId{map_});
    for (std::uint64_t i = 0; i < 6; ++i) end(map_, i);
    attach();
    allow(map_, 2);
    EXPECT_EQ(results(), "0=0 1=10");
    allow(map_, 4);
    EXPECT_EQ(results(), "2=20 3=30 4=40 5=50 done") << "the end needs no further credit";
}

TEST_F(Attaching, WaitsForAMapThatIsNotSealedYet) {
    for (std::uint64_t i = 0; i < 6; ++i) end(map_, i);
    attach();
    allow(map_, 100);
    EXPECT_EQ(results(), "0=0 1=10 2=20 3=30 4=40 5=50");
    queue_.seal_map(MapId{map_});
    client_->time += socket_limits::read_again;
    client_->connection->tick(client_->time);
    EXPECT_EQ(results(), "done");
}

TEST_F(Attaching, ThereMustBeSuchAMap) {
    EXPECT_EQ(client_->ask(frame(attach_map, 8, R"({"name":"nix"})")).text("code"), "not_found");
    EXPECT_EQ(client_->ask(frame(attach_map, 8, R"({"pool":"other","name":"reel"})")).text("code"), "not_found");
}

TEST_F(Attaching, ANameInTwoPoolsNeedsThePool) {
    client_->ask(frame(open_map, 5, R"({"pool":"other","name":"reel"})"));
    EXPECT_THAT(client_->ask(frame(attach_map, 8, R"({"name":"reel"})")).text("message"), HasSubstr("say which"));
    EXPECT_EQ(client_->ask(frame(attach_map, 8, R"({"pool":"film","name":"reel"})")).type, map_progress);
}

TEST_F(Attaching, MapsAreListedAndCancelledByName) {
    const auto reply = client_->ask(frame(list_jobs, 5, R"({"map":"reel"})"));
    EXPECT_EQ(reply.head.find("jobs")->items().size(), 6U);
    EXPECT_EQ(client_->ask(frame(cancel, 5, R"({"map":"reel"})")).type, answer);
    EXPECT_TRUE(queue_.map_of(map_).cancelled);
}

TEST_F(Attaching, AMapOfWhichNothingIsLeftIsNotCancelled) {
    EXPECT_EQ(client_->ask(frame(cancel, 5, R"({"map":"reel"})")).text("ended"), "-");
    queue_.seal_map(MapId{map_});
    queue_.settle();
    EXPECT_EQ(client_->ask(frame(cancel, 6, R"({"map":"reel"})")).text("ended"), "true");
    queue_.why_no_cancels = "no room";
    EXPECT_EQ(client_->ask(frame(cancel, 7, R"({"map":"reel"})")).text("message"), "no room");
}

// Whatever the order of ends, reads, credits and time: each result once, in order.
TEST_F(Attaching, NothingIsMissedAndNothingComesTwiceInAnyOrderOfThings) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random(seed);
        FakeJobQueue queue;
        queue.declare("film");
        auto writer = TestClient::greeted(queue);
        const auto map =
            writer->ask(frame(open_map, 5, R"({"pool":"film","name":"reel"})")).head.find("map")->as_uint().value();
        std::vector<std::string> inputs(20, "1");
        writer->say(body_frame(add_items, map, R"({"from":0})", inputs));
        writer.reset();
        queue.seal_map(MapId{map});
        auto reader = TestClient::greeted(queue);
        reader->connection->feed(frame(attach_map, 8, R"({"name":"reel"})"));
        std::string seen;
        for (int step = 0; step < 2000 && !seen.ends_with("done"); ++step) {
            const auto waiting = queue.waiting();
            switch (random() % 5) {
                case 0:
                    if (!waiting.empty()) queue.end(waiting[random() % waiting.size()], "0");
                    break;
                case 1: reader->connection->feed(frame(wire::MessageType::allow, map, R"({"results":1})")); break;
                case 2: queue.run_one(); break;
                case 3:
                    reader->time += socket_limits::read_again;
                    reader->connection->tick(reader->time);
                    break;
                default: {
                    const auto some = results(*reader);
                    seen += (some.empty() || seen.empty() ? "" : " ") + some;
                }
            }
        }
        std::string expected;
        for (int i = 0; i < 20; ++i) expected += std::to_string(i) + "=0 ";
        EXPECT_EQ(seen, expected + "done") << "seed " << seed;
    }
}

}  // namespace
}  // namespace pinion::daemon
