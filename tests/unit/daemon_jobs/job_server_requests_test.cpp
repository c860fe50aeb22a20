// SPDX-License-Identifier: Apache-2.0
// Every request of the job socket, who may make it, and what a bad one is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connection_harness.h"
#include "daemon/jobs/job_reply.h"

namespace pinion::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using enum wire::MessageType;

const Caller stranger{1234, {1234}};
const Caller member{1000, {1000, 77}};

class Requests : public ::testing::Test {
protected:
    Requests() {
        queue_.declare("thumbs", {.uids = {}, .gids = {77}});
        queue_.declare("lines", {.uids = {1000}, .gids = {}}, PayloadKind::raw);
        queue_.declare("secret");
    }
    TestClient& root() {
        if (!root_) root_ = TestClient::greeted(queue_);
        return *root_;
    }
    std::uint64_t submit(const std::string& input, const std::string& pool = "thumbs") {
        const auto reply =
            root().ask(body_frame(wire::MessageType::submit, 2, R"({"pool":")" + pool + R"("})", {input}));
        EXPECT_EQ(reply.type, accepted) << reply.text("message");
        return reply.head.find("ids")->items().at(0).as_uint().value();
    }

    FakeJobQueue queue_;
    std::unique_ptr<TestClient> root_;
};

TEST_F(Requests, HelloIsAnsweredWithTheVersion) {
    TestClient client(queue_);
    const auto reply = client.ask(frame(hello, 7, R"({"version":1,"program":"x"})"));
    EXPECT_EQ(reply.type, welcome);
    EXPECT_EQ(reply.id, 7U);
    EXPECT_EQ(reply.text("version"), "1");
}

TEST_F(Requests, AnotherVersionEndsTheConnectionWithAReason) {
    TestClient client(queue_);
    const auto reply = client.ask(frame(hello, 7, R"({"version":2})"));
    EXPECT_EQ(reply.text("code"), "version");
    EXPECT_TRUE(client.connection->closing());
}

TEST_F(Requests, NothingIsAnsweredBeforeHello) {
    TestClient client(queue_);
    EXPECT_EQ(client.ask(frame(list_jobs, 7, "{}")).text("code"), "protocol");
    EXPECT_TRUE(client.connection->closing());
    EXPECT_FALSE(client.connection->wants_input());
}

TEST_F(Requests, SubmitGivesIdsAndWhatTheySurvive) {
    const auto reply = root().ask(
        body_frame(wire::MessageType::submit, 5, R"({"pool":"thumbs","priority":9,"delay":60})", {"1", R"({"a":2})"}));
    EXPECT_EQ(reply.type, accepted);
    EXPECT_EQ(reply.id, 5U);
    EXPECT_EQ(reply.text("ids"), "[1,2]");
    EXPECT_EQ(reply.text("durability"), "fsync");
    EXPECT_EQ(queue_.job(2).input, R"({"a":2})");
    EXPECT_EQ(queue_.job(1).stored.priority, 9);
    EXPECT_GT(queue_.job(1).stored.not_before, wall_now());
}

TEST_F(Requests, SubmitWithAKnownKeyGivesTheJobThatThereIs) {
    const std::string bytes = body_frame(wire::MessageType::submit, 5, R"({"pool":"thumbs","keys":["a"]})", {"1"});
    EXPECT_EQ(root().ask(bytes).text("existing"), "[]");
    const auto again = root().ask(bytes);
    EXPECT_EQ(again.text("ids"), "[1]");
    EXPECT_EQ(again.text("existing"), "[1]");
}

TEST_F(Requests, BadRequestsAreRefusedAndTheConnectionGoesOn) {
    const auto refused = [&](const std::string& bytes) { return root().ask(bytes).text("message"); };
    const auto of = [](const std::string& head, std::vector<std::string> inputs) {
        return body_frame(wire::MessageType::submit, 5, head, inputs);
    };
    EXPECT_THAT(refused(of(R"({"pool":"thumbs"})", {"nope"})), HasSubstr("an input is not JSON"));
    EXPECT_THAT(refused(of(R"({"pool":"lines"})", {"a\nb"})), HasSubstr("line break"));
    EXPECT_THAT(refused(of(R"({"pool":"thumb"})", {"1"})), HasSubstr("did you mean 'thumbs'?"));
    EXPECT_THAT(refused(of(R"({"pool":"thumbs"})", {})), HasSubstr("the list of inputs"));
    EXPECT_THAT(refused(of(R"({"pool":"thumbs","priority":10})", {"1"})), HasSubstr("from 0 to 9"));
    EXPECT_THAT(refused(of(R"({"pool":"thumbs","delay":-1})", {"1"})), HasSubstr("'delay' is not"));
    EXPECT_THAT(refused(of(R"({"pool":"thumbs","keys":["a"]})", {"1", "2"})), HasSubstr("'keys' is not"));
    EXPECT_THAT(refused(of(R"({"pool":1})", {"1"})), HasSubstr("'pool' is not text"));
    EXPECT_THAT(refused(of("{}", {"1"})), HasSubstr("'pool' is missing"));
    EXPECT_THAT(refused(frame(wait, 5, R"({"jobs":[0]})")), HasSubstr("a list of ids"));
    EXPECT_THAT(refused(frame(wire::MessageType::queue, 5, R"({"pool":"thumbs","verb":"x"})")),
                HasSubstr("pause, resume or drain"));
    EXPECT_THAT(refused(frame(list_jobs, 5, R"({"states":["odd"]})")), HasSubstr("a list of states"));
    EXPECT_THAT(refused(frame(open_map, 5, R"({"pool":"thumbs","name":"A b"})")), HasSubstr("a name"));
    EXPECT_THAT(refused(frame(cancel, 5, "{}")), HasSubstr("'jobs' or 'map'"));
    EXPECT_FALSE(root().connection->closing());
    EXPECT_TRUE(queue_.waiting().empty());
}

TEST_F(Requests, AFullQueueIsSaid) {
    queue_.admits = false;
    const auto reply = root().ask(body_frame(wire::MessageType::submit, 5, R"({"pool":"thumbs"})", {"1"}));
    EXPECT_EQ(reply.text("code"), "refused");
    EXPECT_EQ(reply.text("message"), "the queue is full");
}

TEST_F(Requests, ASubmitThatWaitsIsAbandonedWithItsClient) {
    queue_.admits = false;
    root().say(body_frame(wire::MessageType::submit, 5, R"({"pool":"thumbs","wait":true})", {"1"}));
    EXPECT_TRUE(root().take().empty());
    root_.reset();
    EXPECT_EQ(queue_.abandoned.size(), 1U);
}

TEST_F(Requests, StrangersAreToldWhy) {
    const auto client = TestClient::greeted(queue_, stranger);
    const auto reply = client->ask(body_frame(wire::MessageType::submit, 5, R"({"pool":"thumbs"})", {"1"}));
    EXPECT_EQ(reply.text("code"), "permission");
    EXPECT_THAT(reply.text("message"), HasSubstr("uid 1234 may not use pool 'thumbs'"));
    const auto id = submit("1");
    for (const auto& bytes :
         {frame(ask_job, 5, R"({"job":1})"), frame(why, 5, R"({"job":1})"), frame(log, 5, R"({"job":1})"),
          frame(cancel, 5, R"({"jobs":[1]})"), frame(retry, 5, R"({"jobs":[1]})"), frame(wait, 5, R"({"jobs":[1]})"),
          frame(open_map, 5, R"({"pool":"thumbs"})"), frame(ask_pool, 5, R"({"pool":"thumbs"})"),
          frame(list_jobs, 5, R"({"pool":"thumbs"})")})
        EXPECT_EQ(client->ask(bytes).text("code"), "permission") << bytes;
    EXPECT_EQ(client->ask(frame(list_jobs, 5, "{}")).text("jobs"), "[]");
    EXPECT_FALSE(jobs::is_final(queue_.job(id).stored.state));
}

TEST_F(Requests, ThoseWhomThePoolAllowsMayUseItButNotSteerIt) {
    const auto client = TestClient::greeted(queue_, member);
    EXPECT_EQ(client->ask(body_frame(wire::MessageType::submit, 5, R"({"pool":"thumbs"})", {"1"})).type, accepted);
    EXPECT_EQ(client->ask(body_frame(wire::MessageType::submit, 5, R"({"pool":"lines"})", {"x y"})).type, accepted);
    EXPECT_EQ(client->ask(body_frame(wire::MessageType::submit, 5, R"({"pool":"secret"})", {"1"})).text("code"),
              "permission");
    const auto reply = client->ask(frame(wire::MessageType::queue, 6, R"({"pool":"thumbs","verb":"pause"})"));
    EXPECT_EQ(reply.text("code"), "permission");
    EXPECT_TRUE(queue_.modes.empty());
    submit("2", "secret");
    EXPECT_EQ(client->ask(frame(list_jobs, 7, "{}")).head.find("jobs")->items().size(), 2U);
}

TEST_F(Requests, RootAndTheDaemonsOwnUserSteerQueues) {
    const auto own = TestClient::greeted(queue_, {TestClient::own_uid, {}});
    EXPECT_EQ(own->ask(frame(wire::MessageType::queue, 6, R"({"pool":"thumbs","verb":"pause"})")).text("mode"),
              "paused");
    EXPECT_EQ(root().ask(frame(wire::MessageType::queue, 6, R"({"pool":"thumbs","verb":"drain"})")).text("mode"),
              "draining");
    EXPECT_EQ(root().ask(frame(wire::MessageType::queue, 6, R"({"pool":"thumbs","verb":"resume"})")).text("mode"),
              "running");
    EXPECT_EQ(queue_.modes.size(), 3U);
    EXPECT_EQ(queue_.steered_by, "root");
}

TEST_F(Requests, APauseThatIsNotKeptIsAFailure) {
    queue_.why_no_modes = "pause the queue of 'thumbs': it takes effect, but is not on disk";
    const auto reply = root().ask(frame(wire::MessageType::queue, 6, R"({"pool":"thumbs","verb":"pause"})"));
    EXPECT_EQ(reply.type, failure);
    EXPECT_EQ(reply.id, 6U);
    EXPECT_EQ(reply.text("code"), "refused");
    EXPECT_EQ(reply.text("message"), *queue_.why_no_modes);
    EXPECT_EQ(queue_.modes.size(), 1U);
}

TEST_F(Requests, AskPoolSaysWhatItTakes) {
    EXPECT_EQ(root().ask(frame(ask_pool, 5, R"({"pool":"lines"})")).text("payload"), "raw");
    EXPECT_EQ(root().ask(frame(ask_pool, 5, R"({"pool":"nix"})")).text("code"), "not_found");
    EXPECT_EQ(root().ask(frame(ask_pool, 5, R"({"pool":"lines"})")).head.find("cpu_usec"), nullptr);
    queue_.cpu_used = std::chrono::seconds(2);
    EXPECT_EQ(root().ask(frame(ask_pool, 5, R"({"pool":"lines","cpu_time":true})")).text("cpu_usec"), "2000000");
}

TEST_F(Requests, WaitIsAnsweredForEachJobWhenItEnds) {
    const auto first = submit("1");
    const auto second = submit("2");
    queue_.end(JobId{first}, "10");
    root().say(frame(wait, 9, R"({"jobs":[1,2]})"));
    auto replies = root().take();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].type, finished);
    EXPECT_EQ(replies[0].id, 9U);
    EXPECT_THAT(replies[0].items, ElementsAre("10"));
    queue_.end(JobId{second}, "no good", jobs::JobState::failed);
    replies = root().take();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].text("jobs"),
              R"([{"id":2,"state":"failed","attempts":1,"error":{"type":"error","message":"no good"}}])");
    EXPECT_THAT(replies[0].items, ElementsAre(""));
}

TEST_F(Requests, AnEndBetweenListeningAndLookingIsNotMissed) {
    const auto id = submit("1");
    root().connection->feed(frame(wait, 9, R"({"jobs":[1]})"));
    queue_.end(JobId{id}, "10");  // the look-up under way still found it waiting
    EXPECT_EQ(root().take().at(0).items.at(0), "10");
}

TEST_F(Requests, WaitingForAJobThatIsNotThereIsSaid) {
    EXPECT_EQ(root().ask(frame(wait, 9, R"({"jobs":[77]})")).text("code"), "not_found");
}

TEST_F(Requests, AskJobTellsAllOfItAndItsResultWhereItIsWanted) {
    const auto id = submit("1");
    EXPECT_EQ(root().ask(frame(ask_job, 5, R"({"job":1})")).text("state"), "queued");
    queue_.end(JobId{id}, "[3]");
    const auto reply = root().ask(frame(ask_job, 5, R"({"job":1,"result":true})"));
    EXPECT_EQ(reply.type, job_state);
    EXPECT_EQ(reply.text("state"), "done");
    EXPECT_THAT(reply.text("attempts"), HasSubstr(R"("number":1,"outcome":"done")"));
    EXPECT_THAT(reply.items, ElementsAre("[3]"));
    EXPECT_THAT(root().ask(frame(ask_job, 5, R"({"job":1})")).items, ElementsAre(""));
    EXPECT_EQ(root().ask(frame(ask_job, 5, R"({"job":2})")).text("code"), "not_found");
}

TEST_F(Requests, AJobThatRunsHasItsAttempt) {
    const auto id = submit("1");
    queue_.running[JobId{id}] = {.number = 2,
                                 .slot = Slot{3},
                                 .seat = "0,8",
                                 .started = WallTime{Duration{5}},
                                 .deadline = WallTime{Duration{60}},
                                 .progress = 0.5,
                                 .note = "half"};
    const std::string running =
        R"({"number":2,"slot":3,"seat":"0,8","started_usec":5,"deadline_usec":60,"progress":0.5,"note":"half"})";
    EXPECT_EQ(root().ask(frame(ask_job, 5, R"({"job":1})")).text("running"), running);
    const auto listed = root().ask(frame(list_jobs, 5, R"({"states":["running"]})"));
    ASSERT_EQ(listed.head.find("jobs")->items().size(), 1U);
    EXPECT_EQ(listed.head.find("jobs")->items()[0].find("running")->dump(), running);
    queue_.running[JobId{id}] = {};
    EXPECT_EQ(root().ask(frame(ask_job, 5, R"({"job":1})")).text("running"),
              R"({"number":1,"slot":0,"started_usec":0})");
    queue_.running.clear();
    EXPECT_EQ(root().ask(frame(ask_job, 5, R"({"job":1})")).head.find("running"), nullptr);
}

TEST_F(Requests, AnAttemptHasWhatItLeft) {
    const auto reply = [](const std::string& detail) {
        jobs::StoredJob job{.state = jobs::JobState::failed};
        job.attempts = {{.number = 1, .outcome = jobs::Outcome::crash, .detail = detail}};
        return job_reply(job, jobs::JobPhase::none, std::nullopt).find("attempts")->items()[0];
    };
    EXPECT_EQ(reply(R"({"death":{"how":"SIGKILL"}})").find("death")->dump(), R"({"how":"SIGKILL"})");
    EXPECT_EQ(reply(R"({"error":{"type":"a"}})").find("error")->dump(), R"({"type":"a"})");
    EXPECT_EQ(reply(R"({"type":"lost","message":"m"})").find("error")->dump(), R"({"type":"lost","message":"m"})");
    EXPECT_EQ(reply("").find("error"), nullptr);
    EXPECT_EQ(reply("").find("death"), nullptr);
}

TEST_F(Requests, ListsByPoolAndStateInPages) {
    for (const char* input : {"1", "2", "3"}) submit(input);
    submit("x", "lines");
    queue_.end(JobId{2}, "bad", jobs::JobState::failed);
    auto reply = root().ask(frame(list_jobs, 5, R"({"pool":"thumbs","limit":2})"));
    EXPECT_EQ(reply.head.find("jobs")->items().size(), 2U);
    EXPECT_EQ(reply.text("more"), "true");
    reply = root().ask(frame(list_jobs, 5, R"({"pool":"thumbs","limit":2,"after":2})"));
    EXPECT_EQ(reply.head.find("jobs")->items().size(), 1U);
    EXPECT_EQ(reply.text("more"), "false");
    reply = root().ask(frame(list_jobs, 5, R"({"states":["failed"]})"));
    EXPECT_EQ(reply.head.find("jobs")->items().size(), 1U);
    EXPECT_EQ(root().ask(frame(list_jobs, 5, R"({"states":["running"]})")).text("jobs"), "[]");
    EXPECT_EQ(root().ask(frame(list_jobs, 5, R"({"pool":"nix"})")).text("code"), "not_found");
}

TEST_F(Requests, CancelSaysWhatWasCancelledAndWhatHadEnded) {
    submit("1");
    submit("2");
    queue_.end(JobId{1}, "1");
    const auto reply = root().ask(frame(cancel, 5, R"({"jobs":[1,2]})"));
    EXPECT_EQ(reply.text("ended"), "[1]");
    EXPECT_EQ(reply.text("cancelled"), "[2]");
    EXPECT_EQ(queue_.job(2).stored.state, jobs::JobState::cancelled);
    EXPECT_EQ(root().ask(frame(cancel, 5, R"({"jobs":[99]})")).text("code"), "not_found");
}

TEST_F(Requests, CancelSaysTheEndThatAJobHasWhateverThatIs) {
    submit("1");
    queue_.end_of_cancelled = jobs::JobState::done;
    const auto reply = root().ask(frame(cancel, 5, R"({"jobs":[1]})"));
    EXPECT_EQ(reply.text("ended"), "[1]");
    EXPECT_EQ(reply.text("cancelled"), "[]");
}

TEST_F(Requests, CancelWaitsForABoundedNumberOfEnds) {
    const std::size_t count = 2 * socket_limits::cancels_ahead + 2;
    std::string ids = "1";
    submit("1");
    for (std::size_t id = 2; id <= count; ++id) {
        submit("1");
        ids += "," + std::to_string(id);
    }
    auto& client = root();
    queue_.holds_cancels = true;
    client.say(frame(cancel, 5, R"({"jobs":[)" + ids + "]}"));
    EXPECT_EQ(queue_.held_cancels.size(), socket_limits::cancels_ahead);
    while (!queue_.held_cancels.empty()) {
        for (auto& held : std::exchange(queue_.held_cancels, {})) held();
        client.go_on();
    }
    const auto replies = client.take();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].head.find("cancelled")->items().size(), count);
}

TEST_F(Requests, CancelSaysOnceWhyItCannotBeHad) {
    submit("1");
    submit("2");
    queue_.why_no_cancels = "no room";
    auto& client = root();
    client.say(frame(cancel, 5, R"({"jobs":[1,2]})"));
    const auto replies = client.take();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].text("message"), "no room");
}

TEST_F(Requests, CancelIsRefusedOnceThoughAnotherOfItsJobsIsNotThereEither) {
    submit("1");
    queue_.why_no_cancels = "no room";
    auto& client = root();
    client.say(frame(cancel, 5, R"({"jobs":[1,99]})"));
    const auto replies = client.take();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].text("message"), "no room") << "99 was being looked for when it came";
}

TEST_F(Requests, CancelIsRefusedOnceThoughAnotherOfItsJobsMeetsAFullDiskLater) {
    submit("1");
    auto& client = root();
    queue_.holds_cancels = true;
    client.say(frame(cancel, 5, R"({"jobs":[1,99]})"));
    queue_.why_no_cancels = "no room";
    for (auto& held : std::exchange(queue_.held_cancels, {})) held();
    const auto replies = client.take();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].text("code"), "not_found");
}

TEST_F(Requests, CancelBeginsNoMoreOnceItWasRefused) {
    submit("1");
    submit("2");
    auto& client = root();
    queue_.holds_cancels = true;
    client.connection->feed(frame(cancel, 5, R"({"jobs":[1,2]})"));
    queue_.run_one();
    ASSERT_EQ(queue_.held_cancels.size(), 1U) << "and the second is being looked for";
    queue_.why_no_cancels = "no room";
    queue_.held_cancels[0]();
    client.go_on();
    EXPECT_EQ(client.take().size(), 1U);
    EXPECT_EQ(queue_.held_cancels.size(), 1U);
}

TEST_F(Requests, RetryMakesANewJobOfTheSameInput) {
    submit(R"({"n":1})");
    EXPECT_EQ(root().ask(frame(retry, 5, R"({"jobs":[1]})")).text("code"), "refused");
    queue_.end(JobId{1}, "bad", jobs::JobState::failed);
    const auto reply = root().ask(frame(retry, 5, R"({"jobs":[1]})"));
    EXPECT_EQ(reply.type, accepted);
    EXPECT_EQ(reply.text("ids"), "[2]");
    EXPECT_EQ(queue_.job(2).stored.retry_of, JobId{1});
    EXPECT_EQ(queue_.job(2).input, R"({"n":1})");
}

TEST_F(Requests, WhyAndLogAreAnswered) {
    submit("1");
    EXPECT_EQ(root().ask(frame(why, 5, R"({"job":1})")).text("why"), "no worker of the pool takes jobs");
    queue_.log_lines = {{.attempt = 1, .text = "one"}, {.attempt = 2, .text = "two"}};
    EXPECT_EQ(root().ask(frame(log, 5, R"({"job":1})")).head.find("lines")->items().size(), 2U);
    const auto second = root().ask(frame(log, 5, R"({"job":1,"attempt":2})"));
    EXPECT_THAT(second.text("lines"), HasSubstr("two"));
    EXPECT_EQ(second.head.find("lines")->items().size(), 1U);
    queue_.end(JobId{1}, "1");
    EXPECT_THAT(root().ask(frame(why, 5, R"({"job":1})")).text("why"), HasSubstr("it is done"));
}

// --- Bytes that are no requests

TEST_F(Requests, GarbageEndsTheConnectionWithAReason) {
    const std::vector<std::string> bad{
        std::string(64, '\xff'),                             // no header
        frame(welcome, 5, "{}"),                             // not a client's
        frame(static_cast<wire::MessageType>(99), 5, "{}"),  // unknown
        frame(list_jobs, 5, "{"),                            // no JSON
        frame(list_jobs, 5, "[]"),                           // no object
        frame(wire::MessageType::submit, 5, "{}"),           // another codec
        frame(hello, 5, R"({"version":1})"),                 // again
    };
    for (const auto& bytes : bad) {
        const auto client = TestClient::greeted(queue_);
        const auto reply = client->ask(bytes);
        EXPECT_EQ(reply.type, failure);
        EXPECT_EQ(reply.text("code"), "protocol");
        EXPECT_TRUE(client->connection->closing());
        client->say(frame(list_jobs, 6, "{}"));
        EXPECT_TRUE(client->take().empty()) << "nothing that follows is looked at";
    }
}

TEST_F(Requests, AnAnnouncementOfTooMuchEndsTheConnection) {
    const auto client = TestClient::greeted(queue_);
    const auto header = wire::encode_header({.length = (16 << 20) + (64 << 10) + 1, .type = 19});
    EXPECT_EQ(client->ask(std::string(header.data(), header.size())).text("code"), "protocol");
}

TEST_F(Requests, AStrangersLongFirstMessageIsNotCollected) {
    TestClient client(queue_, stranger);
    const auto header = wire::encode_header({.length = 1 << 20, .type = 16, .codec = wire::FrameCodec::json});
    client.say(std::string(header.data(), header.size()));
    EXPECT_FALSE(client.connection->closing());
    EXPECT_EQ(client.ask(std::string(8192, ' ')).text("code"), "protocol");
}

TEST_F(Requests, FramesMayComeByteByByte) {
    const std::string bytes = body_frame(wire::MessageType::submit, 5, R"({"pool":"thumbs"})", {"1", "2"});
    for (const char byte : bytes.substr(0, bytes.size() - 1)) root().say(std::string(1, byte));
    EXPECT_TRUE(root().take().empty());
    EXPECT_EQ(root().ask(bytes.substr(bytes.size() - 1)).text("ids"), "[1,2]");
}

// --- Bounds

TEST_F(Requests, AClientWithTooManyUnansweredRequestsIsNotReadUntilTheyAre) {
    queue_.admits = false;
    std::string bytes;
    for (std::size_t i = 0; i < socket_limits::max_in_flight; ++i)
        bytes += body_frame(wire::MessageType::submit, 5, R"({"pool":"thumbs","wait":true})", {"1"});
    root().say(bytes.substr(0, bytes.size() - 1));
    EXPECT_TRUE(root().connection->wants_input());
    root().say(bytes.substr(bytes.size() - 1) + frame(ask_pool, 6, R"({"pool":"thumbs"})"));
    EXPECT_FALSE(root().connection->wants_input());
    EXPECT_TRUE(root().take().empty());
    queue_.admit();
    const auto replies = root().take();
    EXPECT_EQ(replies.size(), socket_limits::max_in_flight + 1);
    EXPECT_EQ(replies.back().type, answer);
    EXPECT_TRUE(root().connection->wants_input());
}

TEST_F(Requests, NobodyIsReadWhileTheQueueHasNoRoom) {
    EXPECT_TRUE(root().connection->wants_input());
    queue_.room = false;
    EXPECT_FALSE(root().connection->wants_input());
    root().say(frame(ask_pool, 6, R"({"pool":"thumbs"})"));
    EXPECT_TRUE(root().take().empty()) << "what was read already is kept";
    queue_.room = true;
    EXPECT_EQ(root().take().at(0).type, answer);
}

TEST_F(Requests, AClientThatDoesNotReadIsNotAnswered) {
    const std::string large = '"' + std::string(300'000, 'x') + '"';
    for (int i = 1; i <= 12; ++i) {
        submit("1");
        queue_.end(JobId{static_cast<std::uint64_t>(i)}, large);
    }
    std::string bytes;
    for (int i = 1; i <= 12; ++i) bytes += frame(ask_job, 5, R"({"result":true,"job":)" + std::to_string(i) + "}");
    root().say(bytes);
    EXPECT_FALSE(root().connection->wants_input());
    EXPECT_LT(root().connection->outbox().size(), socket_limits::output_bytes + 400'000);
    std::size_t results = 0;
    for (int turn = 0; turn < 12; ++turn) results += root().take().size();
    EXPECT_EQ(results, 12U) << "all of them come once it reads";
    EXPECT_TRUE(root().connection->wants_input());
}

TEST_F(Requests, WaitedForResultsStayInTheStoreWhileTheClientDoesNotRead) {
    const std::string large = '"' + std::string(100'000, 'x') + '"';
    std::string ids;
    for (int i = 1; i <= 40; ++i) {
        submit("1");
        ids += (i > 1 ? "," : "") + std::to_string(i);
    }
    root().say(frame(wait, 9, R"({"jobs":[)" + ids + "]}"));
    for (int i = 1; i <= 40; ++i) queue_.end(JobId{static_cast<std::uint64_t>(i)}, large);
    root().go_on();
    EXPECT_LT(root().connection->outbox().size(), socket_limits::output_bytes + 200'000);
    std::size_t results = 0;
    for (int turn = 0; turn < 40; ++turn)
        for (const auto& reply : root().take()) results += reply.items.size();
    EXPECT_EQ(results, 40U);
}

}  // namespace
}  // namespace pinion::daemon
