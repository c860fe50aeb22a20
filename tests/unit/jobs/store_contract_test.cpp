// SPDX-License-Identifier: Apache-2.0
// What every store answers, wherever it keeps its jobs: on disk, in memory, or some here and some there.
#include <algorithm>

#include "store_engines.h"

namespace pinion::jobs {
namespace {

using testing::ElementsAre;

INSTANTIATE_TEST_SUITE_P(Engines, EachStore, all_engines(), name_of_engine);

TEST_P(EachStore, AKeyGivesTheJobItHas) {
    const JobId first = desk.one({.payload = "1", .key = "k"});
    const auto again = desk.submit({{.payload = "other", .key = "k"}});
    EXPECT_EQ(again.jobs->at(0).id, first);
    EXPECT_TRUE(again.jobs->at(0).existing);
    const auto twice = desk.submit(
        {{.pool = JobPoolId{1}, .payload = "1", .key = "k"}, {.pool = JobPoolId{1}, .payload = "2", .key = "k"}});
    EXPECT_FALSE(twice.jobs->at(0).existing) << "keys are a pool's own";
    EXPECT_TRUE(twice.jobs->at(1).existing) << "also within one submit";
    desk.ask<Finished>(done(first));
    EXPECT_EQ(desk.one({.payload = "1", .key = "k"}), first) << "as long as the finished job is kept";
}

TEST_P(EachStore, KeepsEveryAttempt) {
    const JobId job = desk.one({.payload = "1"});
    desk.store->post(
        NoteRetry{job, {.number = 1, .outcome = Outcome::crash, .slot = 2, .detail = "{\"signal\":11}"}, WallTime(9s)});
    NoteFinish last = done(job);
    last.attempt.number = 2;
    desk.ask<Finished>(last);
    const StoredJob stored = desk.look(job);
    ASSERT_EQ(stored.attempts.size(), 2U);
    EXPECT_EQ(stored.attempts[0].outcome, Outcome::crash);
    EXPECT_EQ(stored.attempts[0].detail, "{\"signal\":11}");
    EXPECT_EQ(stored.attempts[1].number, 2U);
    desk.ask<Finished>(
        NoteFinish{.job = job, .state = JobState::failed, .attempt = {}, .result = "other", .pushes = {}});
    EXPECT_EQ(desk.look(job).result, "42") << "an end is an end";
}

TEST_P(EachStore, AFlushIsAnsweredOnceAllBeforeItIsWritten) {
    const JobId job = desk.one({.payload = "1"});
    const std::string large(limits::max_inline_bytes + 1, 'x');
    desk.store->post(NoteClaim{.job = job});
    desk.store->post(NoteRetry{.job = job, .attempt = {.number = 1, .outcome = Outcome::crash}, .due = {}});
    desk.store->post(Enqueue{7, {{.payload = large}}});
    const auto flushed = desk.ask<Flushed>(Flush{JobPoolId{0}, 5});
    EXPECT_EQ(flushed.pool, JobPoolId{0});
    EXPECT_EQ(flushed.number, 5U);
    const auto waiting = desk.waiting();
    ASSERT_EQ(waiting.size(), 2U) << "what goes by way of the spool, too";
    EXPECT_EQ(waiting[0].attempts, 1U);
    EXPECT_FALSE(waiting[0].claimed);
}

TEST_P(EachStore, PushesAreQueuedWithTheEndOfTheirJob) {
    const JobId job = desk.one({.payload = "1"});
    NoteFinish finish = done(job);
    finish.pushes.push_back({.pool = JobPoolId{1}, .payload = "next", .priority = 3});
    finish.pushes.push_back({.pool = JobPoolId{1}, .payload = std::string(5000, 'x')});
    const Finished answer = desk.ask<Finished>(finish);
    ASSERT_EQ(answer.pushed.size(), 2U);
    EXPECT_EQ(answer.pushed[0].priority, 3);
    EXPECT_EQ(answer.pushed[1].size, 5000U);
    EXPECT_EQ(desk.ask<Fetched>(FetchPayload{1, answer.pushed[1].id}).payload->size(), 5000U);
}

TEST_P(EachStore, WhatIsPastItsRetentionIsForgottenWithAllThatBelongsToIt) {
    std::vector<NewJob> jobs;
    for (int i = 0; i < 5000; ++i) jobs.push_back({.pool = JobPoolId{1}, .payload = "1"});
    jobs[7].key = "k";
    jobs[8].payload = std::string(5000, 'x');
    const auto placed = desk.submit(std::move(jobs));
    for (const PlacedJob& job : *placed.jobs) desk.store->post(done(job.id));
    for (std::size_t i = 0; i < placed.jobs->size(); ++i) desk.wait<Finished>();
    const JobId kept = desk.one({.payload = "2"});
    desk.ask<Finished>(done(kept));
    desk.store->post(Expire{wall_now() + 2h});
    const auto until = std::chrono::steady_clock::now() + 20s;
    for (;;) {
        if (desk.ask<Listed>(ListJobs{.token = 1, .limit = 10}).jobs->size() == 1) break;
        ASSERT_LT(std::chrono::steady_clock::now(), until);
    }
    EXPECT_EQ(desk.look(kept).state, JobState::done) << "its pool keeps it for a week";
    EXPECT_NE(desk.one({.pool = JobPoolId{1}, .payload = "1", .key = "k"}), placed.jobs->at(7).id);
}

TEST_P(EachStore, InputsOfAPoolAreRememberedLongerThanTheirResults) {
    const auto find = [&](const char* name) { return *desk.ask<MapFound>(FindMap{9, JobPoolId{1}, name}).map; };
    for (const char* name : {"inputs-00c0ffee", "film"}) {
        const MapId map = desk.ask<MapStored>(OpenMap{1, JobPoolId{1}, name, false}).map->map;
        const auto placed = desk.submit({{.pool = JobPoolId{1}, .map = map, .payload = "a", .index = 0}});
        desk.store->post(SealMap{map});
        desk.ask<Finished>(done(placed.jobs->at(0).id, "A"));
    }
    desk.store->post(Expire{wall_now() + 2h});
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (find("film").value != 0) ASSERT_LT(std::chrono::steady_clock::now(), until);
    EXPECT_TRUE(desk.ask<Listed>(ListJobs{.token = 1}).jobs->empty());
    EXPECT_TRUE(desk.ask<MapStored>(OpenMap{1, JobPoolId{1}, "inputs-00c0ffee", false}).map->sealed)
        << "or the next start would do them again";
}

TEST_P(EachStore, ListsByPoolAndState) {
    const JobId first = desk.one({.payload = "1"});
    desk.one({.pool = JobPoolId{1}, .payload = "1"});
    const JobId third = desk.one({.payload = "1"});
    desk.ask<Finished>(
        NoteFinish{.job = first, .state = JobState::failed, .attempt = {.number = 1}, .result = "", .pushes = {}});
    const auto ids = [&](ListJobs request) {
        std::vector<JobId> found;
        const Listed listed = desk.ask<Listed>(request);
        for (const StoredJob& job : *listed.jobs) found.push_back(job.id);
        return found;
    };
    EXPECT_THAT(ids({.pool = JobPoolId{0}}), ElementsAre(first, third));
    EXPECT_THAT(ids({.state = JobState::failed}), ElementsAre(first));
    EXPECT_TRUE(ids({.state = JobState::done}).empty());
    EXPECT_THAT(ids({.pool = JobPoolId{0}, .state = JobState::queued}), ElementsAre(third));
    EXPECT_THAT(ids({.pool = JobPoolId{0}, .after = first}), ElementsAre(third));
    const auto all = ids({});
    EXPECT_EQ(all.size(), 3U);
    EXPECT_TRUE(std::ranges::is_sorted(all));
    EXPECT_THAT(ids({.after = all[0]}), ElementsAre(all[1], all[2]));
    EXPECT_EQ(ids({.limit = 1}).size(), 1U);
}

// However many jobs there are, and however few are wanted, nobody waits for one page for long.
TEST_P(EachStore, APageLooksAtABoundedNumberOfJobs) {
    const bool on_disk = GetParam() == Engine::disk || GetParam() == Engine::routed_to_disk;
    const std::size_t page = on_disk ? limits::list_disk_jobs : limits::list_memory_jobs;
    std::vector<NewJob> jobs(page + 50);
    for (auto& job : jobs) job.payload = "1";
    const JobId last = desk.submit(std::move(jobs)).jobs->back().id;
    desk.ask<Finished>(
        NoteFinish{.job = last, .state = JobState::failed, .attempt = {.number = 1}, .result = "", .pushes = {}});
    Listed listed = desk.ask<Listed>(ListJobs{.token = 1, .state = JobState::failed});
    EXPECT_TRUE(listed.jobs->empty());
    ASSERT_NE(listed.seen, JobId{}) << "there is more to look at";
    EXPECT_LT(listed.seen, last);
    listed = desk.ask<Listed>(ListJobs{.token = 1, .state = JobState::failed, .after = listed.seen});
    ASSERT_EQ(listed.jobs->size(), 1U);
    EXPECT_EQ(listed.jobs->at(0).id, last);
    EXPECT_EQ(listed.seen, JobId{}) << "nothing is left";
    listed = desk.ask<Listed>(ListJobs{.token = 1, .pool = JobPoolId{0}, .limit = 5});
    EXPECT_EQ(listed.jobs->size(), 5U);
    EXPECT_EQ(listed.seen, listed.jobs->back().id);
}

TEST_P(EachStore, WhatWaitsIsFoundByQueuesMapsAndJobs) {
    const auto opened = desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "film-12", true});
    const MapId map = opened.map->map;
    const auto placed = desk.submit({{.map = map, .payload = "22", .index = 0, .priority = 7},
                                     {.map = map, .payload = "", .index = 1, .not_before = WallTime(5s)},
                                     {.map = map, .payload = "4", .index = 2}});
    ASSERT_TRUE(placed.jobs.has_value());
    const auto& jobs = *placed.jobs;
    desk.ask<Claimed>(NoteClaim{.job = jobs[0].id, .number = 1, .token = 9});
    desk.store->post(NoteClaim{.job = jobs[1].id, .number = 1});
    desk.store->post(VoidClaim{jobs[1].id});
    desk.store->post(NoteRetry{jobs[2].id, {.number = 1, .outcome = Outcome::crash}, WallTime(9s)});
    desk.store->post(SealMap{map, {.items = 3}});
    EXPECT_EQ(desk.ask<ModeStored>(SetMode{7, JobPoolId{1}, QueueMode::draining}).token, 7U);
    desk.store->post(SetMode{{}, JobPoolId{1}, QueueMode::paused, "root", WallTime(7s)});
    const JobId other = desk.one({.pool = JobPoolId{1}, .payload = "1"});
    desk.ask<Finished>(done(other));

    std::string order;
    std::map<JobPoolId, QueueMode> modes;
    std::map<JobPoolId, std::pair<std::string, WallTime>> by;
    std::vector<RecoveredJob> found;
    ASSERT_TRUE(desk.store->recover(std::nullopt, {.queue =
                                                       [&](const RecoveredQueue& queue) {
                                                           order += 'q';
                                                           modes[queue.pool] = queue.mode;
                                                           by[queue.pool] = {queue.by, queue.at};
                                                       },
                                                   .map =
                                                       [&](const RecoveredMap& recovered) {
                                                           order += 'm';
                                                           EXPECT_EQ(recovered.map, map);
                                                           EXPECT_EQ(recovered.name, "film-12");
                                                           EXPECT_TRUE(recovered.fail_fast);
                                                           EXPECT_FALSE(recovered.cancelled);
                                                           EXPECT_EQ(recovered.seal, (MapSeal{.items = 3}));
                                                       },
                                                   .job =
                                                       [&](const RecoveredJob& job) {
                                                           order += 'j';
                                                           found.push_back(job);
                                                       }}));
    EXPECT_EQ(order.substr(order.find('m')), "mjjj");
    EXPECT_EQ(modes[JobPoolId{0}], QueueMode::running);
    EXPECT_EQ(modes[JobPoolId{1}], QueueMode::paused);
    EXPECT_EQ(by[JobPoolId{0}], std::pair(std::string(), WallTime{}));
    EXPECT_EQ(by[JobPoolId{1}], std::pair(std::string("root"), WallTime(7s)));
    ASSERT_EQ(found.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(found[i].job, jobs[i].id);
        EXPECT_EQ(found[i].map, map);
        EXPECT_EQ(found[i].claimed, i == 0);
        EXPECT_EQ(found[i].attempts, i == 2 ? 1U : 0U);
    }
    EXPECT_EQ(found[0].size, 2U);
    EXPECT_EQ(found[0].priority, 7);
    EXPECT_EQ(found[1].not_before, WallTime(5s));
    EXPECT_EQ(found[2].not_before, WallTime(9s));
    std::size_t of_film = 0;
    ASSERT_TRUE(desk.store->recover(JobPoolId{1}, {.queue = [](const RecoveredQueue&) {},
                                                   .map = [](const RecoveredMap&) { ADD_FAILURE(); },
                                                   .job = [&](const RecoveredJob&) { ++of_film; }}));
    EXPECT_EQ(of_film, 0U);
}

TEST_P(EachStore, ItemsAreReadAsFarAsThereIsNoGap) {
    const MapId map = desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "film-13", false}).map->map;
    const auto placed =
        desk.submit({{.map = map, .payload = "a", .index = 0}, {.map = map, .payload = "c", .index = 2}});
    for (const PlacedJob& job : *placed.jobs) desk.ask<Finished>(done(job.id, "A"));
    EXPECT_EQ(desk.ask<ItemsRead>(ReadItems{1, map, 0, 10}).items->size(), 1U);
    EXPECT_TRUE(desk.ask<ItemsRead>(ReadItems{1, map, 1, 10}).items->empty());
    EXPECT_EQ(desk.ask<ItemsRead>(ReadItems{1, map, 2, 10}).items->size(), 1U);
}

TEST_P(EachStore, AnAttemptThatIsToldAgainIsOneAttempt) {
    const JobId job = desk.one({.payload = "1"});
    for (const char* detail : {R"({"told":1})", R"({"told":2})"})
        desk.store->post(NoteRetry{job, {.number = 1, .outcome = Outcome::crash, .detail = detail}, WallTime(9s)});
    desk.ask<Finished>(
        NoteFinish{.job = job, .state = JobState::done, .attempt = {.number = 2}, .result = "", .pushes = {}});
    const auto stored = desk.look(job);
    ASSERT_EQ(stored.attempts.size(), 2U);
    EXPECT_EQ(stored.attempts[0].detail, R"({"told":2})");
}

TEST_P(EachStore, ANamedMapIsKeyedByIndexAndInput) {
    const FindMap find{1, JobPoolId{0}, "film-12"};
    EXPECT_EQ(*desk.ask<MapFound>(find).map, MapId{}) << "nothing is made by asking";
    const auto opened = desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "film-12", true});
    const MapId map = opened.map->map;
    EXPECT_FALSE(opened.map->existing);
    EXPECT_EQ(*desk.ask<MapFound>(find).map, map);
    EXPECT_EQ(*desk.ask<MapFound>(FindMap{2, JobPoolId{1}, "film-12"}).map, MapId{}) << "of another pool";
    const auto first =
        desk.submit({{.map = map, .payload = "a", .index = 0}, {.map = map, .payload = "b", .index = 1}});
    ASSERT_TRUE(first.jobs.has_value());
    desk.ask<Finished>(done(first.jobs->at(0).id, "A"));
    const auto again = desk.ask<MapStored>(OpenMap{2, JobPoolId{0}, "film-12", false});
    EXPECT_TRUE(again.map->existing);
    EXPECT_EQ(again.map->map, map);
    EXPECT_EQ(again.map->items, 2U);
    EXPECT_TRUE(again.map->fail_fast);
    EXPECT_FALSE(desk.ask<MapStored>(OpenMap{3, JobPoolId{1}, "film-12", false}).map->existing);
    EXPECT_NE(desk.ask<MapStored>(OpenMap{4, JobPoolId{0}, "", false}).map->map,
              desk.ask<MapStored>(OpenMap{5, JobPoolId{0}, "", false}).map->map);
    const auto same = desk.submit({{.map = map, .payload = "a", .index = 0}, {.map = map, .payload = "c", .index = 2}});
    ASSERT_TRUE(same.jobs.has_value());
    EXPECT_EQ(same.jobs->at(0).id, first.jobs->at(0).id);
    EXPECT_TRUE(same.jobs->at(0).existing);
    EXPECT_FALSE(same.jobs->at(1).existing);
    const auto other =
        desk.submit({{.map = map, .payload = "d", .index = 3}, {.map = map, .payload = "x", .index = 0}});
    ASSERT_FALSE(other.jobs.has_value());
    EXPECT_EQ(other.jobs.error().message, "submit: the map has other inputs: item 0 differs");
    EXPECT_EQ(desk.waiting().size(), 2U) << "all of a submit or nothing";
    const auto items = desk.ask<ItemsRead>(ReadItems{1, map, 0, 10});
    ASSERT_EQ(items.items->size(), 1U) << "in order, as far as there is no gap";
    EXPECT_EQ(items.items->at(0).result, "A");
    EXPECT_EQ(items.items->at(0).attempts.size(), 1U);
    EXPECT_TRUE(desk.ask<ItemsRead>(ReadItems{1, map, 1, 10}).items->empty());
}

TEST_P(EachStore, APoolThatComesBackUnderAnotherNumberHasItsJobs) {
    const JobId job = desk.one({.payload = "1", .key = "k"});
    const MapId map = desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "m", false}).map->map;
    const JobPoolId again{7};
    desk.declare(again, "thumbs", thumbs());
    std::vector<RecoveredJob> jobs;
    std::vector<RecoveredMap> maps;
    ASSERT_TRUE(desk.store->recover(again, {.queue = [](const RecoveredQueue&) {},
                                            .map = [&](const RecoveredMap& found) { maps.push_back(found); },
                                            .job = [&](const RecoveredJob& found) { jobs.push_back(found); }}));
    ASSERT_EQ(jobs.size(), 1U);
    EXPECT_EQ(jobs[0].job, job);
    EXPECT_EQ(jobs[0].pool, again);
    ASSERT_EQ(maps.size(), 1U);
    EXPECT_EQ(maps[0].pool, again);
    EXPECT_EQ(desk.one({.pool = again, .payload = "1", .key = "k"}), job);
    EXPECT_EQ(desk.ask<MapStored>(OpenMap{2, again, "m", false}).map->map, map);
    EXPECT_EQ(desk.ask<Listed>(ListJobs{.token = 1, .pool = again}).jobs->size(), 1U);
}

TEST_P(EachStore, SaysWhenAJobIsNotThere) {
    const JobId job = desk.one({.payload = "input", .retry_of = JobId{7}});
    const JobId nobody{job.value + 1000};
    EXPECT_FALSE(desk.ask<LookedUp>(LookUpJob{1, nobody}).job->has_value());
    const auto fetched = desk.ask<Fetched>(FetchPayload{1, nobody});
    ASSERT_FALSE(fetched.payload.has_value());
    EXPECT_EQ(fetched.payload.error().message,
              "read input of job " + std::to_string(nobody.value) + ": there is no such job");
    EXPECT_TRUE(desk.ask<Finished>(done(nobody)).pushed.empty());
    const StoredJob stored = desk.look(job);
    EXPECT_EQ(stored.pool, "thumbs");
    EXPECT_EQ(stored.state, JobState::queued);
    EXPECT_EQ(stored.retry_of, JobId{7});
    EXPECT_TRUE(stored.attempts.empty());
    desk.ask<Finished>(done(job));
    EXPECT_EQ(*desk.ask<Fetched>(FetchPayload{1, job}).payload, "input") << "for a retry by hand";
}

TEST_P(EachStore, ACancelledJobHasNoAttempt) {
    const JobId job = desk.one({.payload = "1"});
    desk.ask<Finished>(NoteFinish{.job = job,
                                  .state = JobState::cancelled,
                                  .attempt = {.outcome = Outcome::cancelled},
                                  .result = "",
                                  .pushes = {}});
    EXPECT_EQ(desk.look(job).state, JobState::cancelled);
    EXPECT_TRUE(desk.look(job).attempts.empty());
    EXPECT_GT(desk.look(job).ended, WallTime{});
}

}  // namespace
}  // namespace pinion::jobs
