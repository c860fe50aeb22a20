// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_retention.h"

#include <gtest/gtest.h>

#include "jobs/store_schema.h"
#include "jobs/store_writer.h"
#include "model/job_limits.h"
#include "store_harness.h"

namespace pinion::jobs {
namespace {

// Waits until nothing past its retention at `now` is left, that is until what is listed is as many as `left`.
void expire(StoreDesk& desk, WallTime now, std::size_t left) {
    desk.store->post(Expire{now});
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (desk.ask<Listed>(ListJobs{.token = 1, .limit = 1000}).jobs->size() != left)
        ASSERT_LT(std::chrono::steady_clock::now(), until);
}

TEST(Retention, OfAPoolThatLeftTheConfigurationIsWhatItWas) {
    ScratchFolder folder;
    JobId film;
    JobId thumb;
    {
        StoreDesk desk({.folder = folder.path});
        film = desk.one({.pool = JobPoolId{1}, .payload = std::string(5000, 'x')});
        thumb = desk.one({.payload = "1"});
        desk.ask<Finished>(done(film));
        desk.ask<Finished>(done(thumb));
    }
    StoreDesk desk(Result<std::unique_ptr<Store>>(fail("neither of its two pools is declared")));
    auto store = open_sqlite_store({.folder = folder.path, .nonce = 1});
    ASSERT_TRUE(store.has_value());
    (*store)->declare_pool(JobPoolId{0}, "music", {});
    desk.store = std::move(*store);
    expire(desk, wall_now() + 2h, 1);
    EXPECT_EQ(desk.look(thumb).state, JobState::done) << "thumbs kept its jobs for a week";
    expire(desk, wall_now() + 24h * 8, 0);
    desk.store.reset();  // files go after the commit that others see
    EXPECT_EQ(files_in(folder.path + "/spool"), 0U);
}

TEST(Retention, IsWhatTheLastReloadSaid) {
    ScratchFolder folder;
    StoreDesk desk({.folder = folder.path});
    for (int i = 0; i < 3; ++i) desk.ask<Finished>(done(desk.one({.pool = JobPoolId{1}, .payload = "1"})));
    desk.declare(JobPoolId{1}, "film", Durability::os, 24h);
    const JobId sign = desk.one({.payload = "1"});
    desk.ask<Finished>(done(sign));
    desk.store->post(Expire{wall_now() + 2h});
    desk.declare(JobPoolId{1}, "film", Durability::os, 1h);
    desk.one({.pool = JobPoolId{1}, .payload = "1"});
    expire(desk, wall_now() + 2h, 2);
    EXPECT_EQ(desk.look(sign).state, JobState::done);
}

TEST(Retention, OfADatabaseOfTheFirstSchemaIsAWeek) {
    ScratchFolder folder;
    {
        StoreDesk desk({.folder = folder.path});
    }
    std::filesystem::remove(folder.path + "/jobs.db");
    {
        const auto database = open_with_steps(folder.path + "/jobs.db", "", schema_steps().first(1));
        ASSERT_TRUE(database.has_value()) << database.error().message;
        ASSERT_TRUE(
            (*database)->run("INSERT INTO pools(name) VALUES('gone'); INSERT INTO finished VALUES(1, 1, 0, 5, 1, "
                             "0, 0, 4, '{}', NULL, 'old'); INSERT INTO inputs VALUES(1, 1, 0, 0, 5, 3, 0, NULL, "
                             "NULL, 'in')"));
    }
    StoreDesk desk({.folder = folder.path, .nonce = 1});
    ASSERT_EQ(desk.error, "");
    expire(desk, from_micros(0) + 24h * 6, 1);
    expire(desk, from_micros(0) + 24h * 8, 0);
}

TEST(Retention, DropsAtStartANamedMapThatIsLeftWithoutItems) {
    ScratchFolder folder;
    MapId of_inputs;
    {
        StoreDesk desk({.folder = folder.path});
        desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "abandoned", false});
        of_inputs = desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "inputs-0", false}).map->map;
        const MapId kept = desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "kept", false}).map->map;
        desk.submit({{.map = kept, .payload = "a", .index = 0}});
    }
    StoreDesk desk({.folder = folder.path, .nonce = 1});
    EXPECT_EQ(desk.waiting().size(), 1U);
    ASSERT_EQ(desk.maps.size(), 2U);
    EXPECT_EQ(desk.maps[0].map, of_inputs);
    EXPECT_EQ(desk.maps[1].name, "kept");
}

TEST(Retention, ForgetsACancelledMapThatNobodySealed) {
    ScratchFolder folder;
    StoreDesk desk({.folder = folder.path});
    const auto open = [&] { return *desk.ask<MapStored>(OpenMap{1, JobPoolId{1}, "nightly", false}).map; };
    const MapId map = open().map;
    const auto placed = desk.submit({{.pool = JobPoolId{1}, .map = map, .payload = "1"}});
    desk.ask<MapCancelled>(CancelMap{.token = 2, .map = map, .pool = JobPoolId{1}});
    desk.ask<Finished>(NoteFinish{.job = placed.jobs->at(0).id,
                                  .pool = JobPoolId{1},
                                  .state = JobState::cancelled,
                                  .attempt = {},
                                  .result = "",
                                  .pushes = {}});
    expire(desk, wall_now() + 2h, 0);
    EXPECT_FALSE(open().existing) << "or its name would be good for cancelled jobs only";
    EXPECT_FALSE(desk.submit({{.pool = JobPoolId{1}, .map = open().map, .payload = "1"}}).jobs->at(0).cancelled);
}

TEST(Retention, KeepsUpWithAQueueThatIsNeverIdle) {
    EXPECT_EQ(slice_rows(false, 0), limits::expire_rows);
    for (const std::uint64_t ended : {0U, 1U, 512U, 8192U}) EXPECT_GT(slice_rows(true, ended), ended);
}

// As above, seen from outside: while somebody submits and ends without a pause, what is old goes all the same.
TEST(Retention, ForgetsWhileRequestsKeepComing) {
    ScratchFolder folder(true);
    StoreDesk desk({.folder = folder.path});
    desk.declare(JobPoolId{2}, "busy", Durability::os, 24h * 7);
    std::vector<NewJob> jobs(6000);
    for (NewJob& job : jobs) job = {.pool = JobPoolId{1}, .payload = "1"};
    const auto placed = desk.submit(std::move(jobs));
    for (const PlacedJob& job : *placed.jobs) desk.store->post(done(job.id));
    for (std::size_t i = 0; i < placed.jobs->size(); ++i) desk.wait<Finished>();
    desk.store->post(Expire{wall_now() + 2h});
    const auto until = std::chrono::steady_clock::now() + 30s;
    const auto submit = [&] {
        std::vector<NewJob> more(100);
        for (NewJob& job : more) job = {.pool = JobPoolId{2}, .payload = "1"};
        desk.store->post(Enqueue{1, std::move(more)});
    };
    for (int i = 0; i < 20; ++i) submit();
    for (;;) {
        const auto answer = desk.wait<Enqueued>();
        submit();  // so that there are always some that wait
        for (const PlacedJob& job : *answer.jobs) desk.store->post(done(job.id));
        desk.answers.clear();
        if (desk.ask<Listed>(ListJobs{.token = 1, .pool = JobPoolId{1}, .limit = 1}).jobs->empty()) break;
        ASSERT_LT(std::chrono::steady_clock::now(), until);
    }
}

}  // namespace
}  // namespace pinion::jobs
