// SPDX-License-Identifier: Apache-2.0
// What the store on disk keeps, and gives back.
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "jobs/store_schema.h"
#include "model/job_limits.h"
#include "store_harness.h"

namespace pinion::jobs {
namespace {

using testing::HasSubstr;

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

TEST(StoreOnDisk, ANamedMapIsThereAfterARestartAndTakesNoSecondCopyOfAnInput) {
    ScratchFolder folder;
    MapId map;
    {
        StoreDesk desk({.folder = folder.path});
        map = desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "film-12", true}).map->map;
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
    EXPECT_EQ(desk.ask<ItemsRead>(ReadItems{1, map, 0, 10}).items->at(0).result, "A");
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

TEST(StoreOnDisk, MigratesForwardsAndNeverBack) {
    ScratchFolder folder;
    const std::string path = folder.path + "/jobs.db";
    JobId job;
    {
        StoreDesk desk({.folder = folder.path});
        job = desk.one({.payload = "1"});
    }
    std::vector<const char*> steps(schema_steps().begin(), schema_steps().end());
    const auto now = static_cast<std::int64_t>(steps.size());
    steps.push_back("ALTER TABLE live ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'");
    {
        const auto database = open_with_steps(path, "", steps);
        ASSERT_TRUE(database.has_value()) << database.error().message;
        EXPECT_EQ((*database)->ask("PRAGMA user_version"), now + 1);
        EXPECT_EQ((*database)->ask("SELECT id FROM live WHERE colour = 'red'"), static_cast<std::int64_t>(job.value));
    }
    EXPECT_TRUE(open_with_steps(path, "", steps).has_value()) << "there already";
    EXPECT_THAT(StoreDesk({.folder = folder.path}).error,
                HasSubstr("it was written by a newer pinion (schema " + std::to_string(now + 1) + ", this one knows " +
                          std::to_string(now) + ")"));
    steps.push_back("ALTER TABLE live ADD COLUMN size INTEGER");  // which there is
    EXPECT_FALSE(open_with_steps(path, "", steps).has_value());
    steps.pop_back();
    EXPECT_TRUE(open_with_steps(path, "", steps).has_value()) << "a step that fails changes nothing";
}

// What the first version of the tables holds of maps is there in the newest, with what can be known of it.
TEST(StoreOnDisk, TakesTheMapsOfTheFirstSchemaWithIt) {
    ScratchFolder folder;
    {
        const auto database = open_with_steps(folder.path + "/jobs.db", "", schema_steps().first(1));
        ASSERT_TRUE(database.has_value()) << database.error().message;
        ASSERT_TRUE(
            (*database)->run("INSERT INTO pools VALUES(1, 'thumbs', 0);"
                             "INSERT INTO maps VALUES(1, 1, 'film', 0, 1), (2, 1, 'reel', 1, 0), (3, 1, NULL, 0, 1);"
                             "INSERT INTO live VALUES(7, 1, 1, 5, 0, 0, 0, 1), (8, 1, 2, 5, 0, 0, 0, 1),"
                             "  (9, 1, 3, 5, 0, 0, 0, 1);"
                             "INSERT INTO inputs VALUES(7, 1, 1, 4, 5, 0, 0, NULL, NULL, '1'),"
                             "  (8, 1, 2, 0, 5, 0, 0, NULL, NULL, '1'), (9, 1, 3, 0, 5, 0, 0, NULL, NULL, '1');"
                             "INSERT INTO items VALUES(1, 4, 7, 1), (2, 0, 8, 1);"
                             "INSERT INTO meta VALUES('ids', 100)"));
    }
    StoreDesk desk({.folder = folder.path});
    ASSERT_EQ(desk.error, "");
    EXPECT_EQ(desk.waiting().size(), 3U);
    ASSERT_EQ(desk.maps.size(), 3U);
    EXPECT_EQ(desk.maps[0].seal, (MapSeal{.items = 5})) << "the last that is kept was the fifth";
    EXPECT_EQ(desk.maps[2].seal, (MapSeal{.goes_on = true})) << "it went on before";
    EXPECT_EQ(desk.maps[1].seal, std::nullopt);
    for (const RecoveredMap& map : desk.maps) EXPECT_FALSE(map.cancelled);
    desk.ask<MapCancelled>(CancelMap{.token = 1, .map = desk.maps[1].map, .pool = JobPoolId{0}});
    desk.store.reset();
    StoreDesk again({.folder = folder.path, .nonce = 1});
    again.waiting();
    ASSERT_EQ(again.maps.size(), 3U);
    EXPECT_TRUE(again.maps[1].cancelled);
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

std::vector<NewJob> jobs_of_a_page(std::size_t count) {
    return std::vector<NewJob>(count, NewJob{.payload = std::string(limits::max_inline_bytes, 'x')});
}

TEST(StoreOnDisk, HasNoRoomWhileItsQueueIsLong) {
    ScratchFolder folder(true);
    SlowCommits commits;
    StoreDesk desk({.folder = folder.path, .hook = [&](StorePoint point) {
                        if (point == StorePoint::before_commit) commits.wait();
                    }});
    for (std::size_t i = 0; i <= limits::store_queue_requests; ++i) {
        EXPECT_TRUE(i > 1 || desk.store->has_room());
        desk.store->post(VoidClaim{JobId{1}});
    }
    // Some are in the hands of the committer, and no batch is so large.
    for (std::size_t i = 0; i < limits::store_batch_requests; ++i) desk.store->post(VoidClaim{JobId{1}});
    EXPECT_FALSE(desk.store->has_room());
    commits.let_go();
    EXPECT_TRUE(desk.submit({{.payload = "1"}}).jobs.has_value());
    EXPECT_TRUE(desk.store->has_room());
}

TEST(StoreOnDisk, HasNoRoomWhileItsQueueIsLarge) {
    ScratchFolder folder;
    SlowCommits commits;
    StoreDesk desk({.folder = folder.path, .hook = [&](StorePoint point) {
                        if (point == StorePoint::before_commit) commits.wait();
                    }});
    constexpr std::size_t jobs = 1000;
    // Some of them are in the hands of the committer, a batch at the most.
    constexpr std::size_t submits =
        limits::store_queue_bytes / (jobs * limits::max_inline_bytes) + limits::store_batch_requests / jobs + 3;
    for (std::size_t i = 0; i < submits; ++i) {
        EXPECT_TRUE(i > 1 || desk.store->has_room());
        desk.store->post(Enqueue{.token = 100 + i, .jobs = jobs_of_a_page(jobs)});
    }
    EXPECT_FALSE(desk.store->has_room());
    commits.let_go();
    for (std::size_t i = 0; i < submits; ++i) EXPECT_TRUE(desk.wait<Enqueued>().jobs.has_value());
    EXPECT_TRUE(desk.store->has_room());
}

TEST(StoreOnDisk, ItsLogIsCopiedByAnotherThreadAndStaysBounded) {
    ScratchFolder folder;
    std::mutex mutex;
    std::map<StorePoint, std::set<std::thread::id>> seen;
    StoreDesk desk({.folder = folder.path, .hook = [&](StorePoint point) {
                        const std::scoped_lock lock(mutex);
                        seen[point].insert(std::this_thread::get_id());
                    }});
    std::uintmax_t largest = 0;
    for (std::size_t written = 0; written < 3 * limits::wal_restart_bytes; written += 1000 * limits::max_inline_bytes) {
        ASSERT_TRUE(desk.submit(jobs_of_a_page(1000)).jobs.has_value());
        largest = std::max(largest, std::filesystem::file_size(folder.path + "/jobs.db-wal"));
    }
    EXPECT_LT(largest, limits::wal_restart_bytes + (16 << 20));
    const std::scoped_lock lock(mutex);
    EXPECT_EQ(seen[StorePoint::before_commit].size(), 1U);
    ASSERT_EQ(seen[StorePoint::checkpoint_begins].size(), 1U);
    EXPECT_NE(*seen[StorePoint::checkpoint_begins].begin(), *seen[StorePoint::before_commit].begin());
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
