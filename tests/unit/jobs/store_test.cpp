// SPDX-License-Identifier: Apache-2.0
// What the store on disk keeps, and gives back.
#include <fstream>

#include "store_harness.h"

namespace pinion::jobs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::size_t files_in(const std::string& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

NoteFinish done(JobId job, std::string result = "42") {
    return {.job = job, .attempt = {.number = 1, .slot = 3, .detail = "{}"}, .result = std::move(result), .pushes = {}};
}

TEST(StoreOnDisk, KeepsWhatWaitsOverARestart) {
    ScratchFolder folder;
    std::vector<JobId> ids;
    {
        StoreDesk desk({.folder = folder.path});
        ASSERT_EQ(desk.error, "");
        const auto answer = desk.submit(
            {{.payload = "1", .priority = 7}, {.payload = "22", .not_before = WallTime(5s)}, {.payload = "3"}});
        ASSERT_TRUE(answer.jobs.has_value());
        for (const PlacedJob& job : *answer.jobs) ids.push_back(job.id);
        desk.ask<Claimed>(NoteClaim{.job = ids[2], .number = 1, .token = 9});
        desk.ask<Finished>(done(ids[0], "result"));
    }
    StoreDesk desk({.folder = folder.path});
    const auto jobs = desk.waiting();
    ASSERT_EQ(jobs.size(), 2U);
    EXPECT_EQ(jobs[0].job, ids[1]);
    EXPECT_EQ(jobs[0].not_before, WallTime(5s));
    EXPECT_EQ(jobs[0].size, 2U);
    EXPECT_FALSE(jobs[0].claimed);
    EXPECT_TRUE(jobs[1].claimed);
    const StoredJob first = desk.look(ids[0]);
    EXPECT_EQ(first.state, JobState::done);
    EXPECT_EQ(first.result, "result");
    EXPECT_EQ(first.priority, 7);
    EXPECT_EQ(*desk.ask<Fetched>(FetchPayload{1, ids[1]}).payload, "22");
    EXPECT_GT(desk.one({.payload = "x"}).value, ids[2].value) << "ids are never given twice";
}

TEST(StoreOnDisk, AKeyGivesTheJobItHas) {
    ScratchFolder folder;
    StoreDesk desk({.folder = folder.path});
    const JobId first = desk.one({.payload = "1", .key = "k"});
    const auto again =
        desk.submit({{.payload = "other", .key = "k"}, {.pool = JobPoolId{1}, .payload = "1", .key = "k"}});
    EXPECT_EQ(again.jobs->at(0).id, first);
    EXPECT_TRUE(again.jobs->at(0).existing);
    EXPECT_FALSE(again.jobs->at(1).existing) << "keys are a pool's own";
    desk.ask<Finished>(done(first));
    EXPECT_EQ(desk.one({.payload = "1", .key = "k"}), first) << "as long as the finished job is kept";
}

TEST(StoreOnDisk, ANamedMapIsKeyedByIndexAndInput) {
    ScratchFolder folder;
    MapId map;
    {
        StoreDesk desk({.folder = folder.path});
        const auto opened = desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "film-12", true});
        map = opened.map->map;
        EXPECT_FALSE(opened.map->existing);
        const auto items = desk.submit(
            {{.map = map, .payload = "a", .index = 0}, {.map = map, .payload = std::string(9000, 'b'), .index = 1}});
        ASSERT_TRUE(items.jobs.has_value());
        desk.ask<Finished>(done(items.jobs->at(0).id, "A"));
    }
    StoreDesk desk({.folder = folder.path});
    EXPECT_EQ(desk.waiting().size(), 1U);
    ASSERT_EQ(desk.maps.size(), 1U);
    EXPECT_EQ(desk.maps[0].name, "film-12");
    EXPECT_TRUE(desk.maps[0].fail_fast);
    const auto opened = desk.ask<MapStored>(OpenMap{2, JobPoolId{0}, "film-12", false});
    EXPECT_TRUE(opened.map->existing);
    EXPECT_EQ(opened.map->map, map);
    EXPECT_EQ(opened.map->items, 2U);
    const auto same = desk.submit({{.map = map, .payload = "a", .index = 0},
                                   {.map = map, .payload = std::string(9000, 'b'), .index = 1},
                                   {.map = map, .payload = "c", .index = 2}});
    ASSERT_TRUE(same.jobs.has_value());
    EXPECT_TRUE(same.jobs->at(1).existing);
    EXPECT_FALSE(same.jobs->at(2).existing);
    EXPECT_EQ(files_in(folder.path + "/spool"), 1U) << "the second copy is gone";
    const auto other =
        desk.submit({{.map = map, .payload = "d", .index = 3}, {.map = map, .payload = "x", .index = 0}});
    ASSERT_FALSE(other.jobs.has_value());
    EXPECT_EQ(other.jobs.error().message, "submit: the map has other inputs: item 0 differs");
    EXPECT_EQ(desk.waiting().size(), 2U) << "all of a submit or nothing";
    const auto items = desk.ask<ItemsRead>(ReadItems{1, map, 0, 10});
    ASSERT_EQ(items.items->size(), 1U) << "in order, as far as there is no gap";
    EXPECT_EQ(items.items->at(0).result, "A");
}

TEST(StoreOnDisk, KeepsEveryAttempt) {
    ScratchFolder folder;
    StoreDesk desk({.folder = folder.path});
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

TEST(StoreOnDisk, PushesAreQueuedWithTheEndOfTheirJob) {
    ScratchFolder folder;
    StoreDesk desk({.folder = folder.path});
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

TEST(StoreOnDisk, LargePayloadsLieInFilesAtTheBoundTheyDoNot) {
    ScratchFolder folder;
    StoreDesk desk({.folder = folder.path});
    desk.one({.payload = std::string(limits::max_inline_bytes, 'a')});
    EXPECT_EQ(files_in(folder.path + "/spool"), 0U);
    const JobId job = desk.one({.payload = std::string(limits::max_inline_bytes + 1, 'b')});
    EXPECT_EQ(files_in(folder.path + "/spool"), 1U);
    desk.ask<Finished>(done(job, std::string(100'000, 'r')));
    EXPECT_EQ(desk.look(job).result, std::string(100'000, 'r'));
    EXPECT_EQ(files_in(folder.path + "/spool"), 2U);
}

TEST(StoreOnDisk, OrphansOfACrashAreSweptAtStart) {
    ScratchFolder folder;
    {
        StoreDesk desk({.folder = folder.path});
        desk.one({.payload = std::string(5000, 'b')});
    }
    std::ofstream(folder.path + "/spool/orphan") << "x";
    StoreDesk desk({.folder = folder.path, .nonce = 1});
    EXPECT_EQ(files_in(folder.path + "/spool"), 1U);
}

TEST(StoreOnDisk, WhatIsPastItsRetentionIsForgottenWithAllThatBelongsToIt) {
    ScratchFolder folder;
    StoreDesk desk({.folder = folder.path});
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

TEST(StoreOnDisk, ListsByPoolAndState) {
    ScratchFolder folder;
    StoreDesk desk({.folder = folder.path});
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
    EXPECT_THAT(ids({.pool = JobPoolId{0}, .state = JobState::queued}), ElementsAre(third));
    EXPECT_EQ(ids({.after = first}).size(), 2U);
    EXPECT_EQ(ids({.limit = 1}).size(), 1U);
}

TEST(StoreOnDisk, ASecondProcessIsKeptOut) {
    ScratchFolder folder;
    StoreDesk first({.folder = folder.path});
    StoreDesk second({.folder = folder.path});
    EXPECT_THAT(second.error, HasSubstr("another process uses it"));
}

TEST(StoreOnDisk, AMillionQueuedJobsAreReadAtOnce) {
    ScratchFolder folder;
    StoreDesk desk({.folder = folder.path});
    const char* wanted = std::getenv("PINION_STORE_JOBS");
    const std::size_t jobs = wanted == nullptr ? 100'000 : std::stoul(wanted);
    for (std::size_t i = 0; i < jobs; i += 5000) {
        std::vector<NewJob> batch(5000);
        for (NewJob& job : batch) job.payload = R"({"path":"/srv/pictures/2026/a.jpg","width":320})";
        ASSERT_TRUE(desk.submit(std::move(batch)).jobs.has_value());
    }
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(desk.waiting().size(), jobs);
    const auto span = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    RecordProperty("seconds", std::to_string(span));
    EXPECT_LT(span, 3.0 * std::max(1.0, static_cast<double>(jobs) / 1e6));
}

}  // namespace
}  // namespace pinion::jobs
