// SPDX-License-Identifier: Apache-2.0
// The store on a disk that fails: what was acknowledged is there, what is refused says why, and nothing is pretended.
#include <fstream>
#include <sstream>

#include "failing_disk.h"
#include "store_harness.h"

namespace pinion::jobs {
namespace {

using failing_disk::Mode;
using testing::HasSubstr;

class StoreOnABadDisk : public testing::Test {
protected:
    StoreOnABadDisk() { failing_disk::become(Mode::healthy); }
    ~StoreOnABadDisk() override {
        failing_disk::become(Mode::healthy);
        failing_disk::refuse_writes(0);
    }
    ScratchFolder folder;
    SqliteStoreOptions options{.folder = folder.path, .vfs = failing_disk::vfs()};
};

TEST_F(StoreOnABadDisk, AFailedSyncStopsItAndIsNeverTriedAgain) {
    std::vector<JobId> acknowledged;
    {
        StoreDesk desk(options);
        ASSERT_EQ(desk.error, "");
        acknowledged = {desk.one({.payload = "1"}), desk.one({.payload = "2"})};
        desk.ask<Finished>(done(acknowledged[0]));
        failing_disk::become(Mode::sync_fails);
        const auto refused = desk.submit({{.payload = "3"}});
        ASSERT_FALSE(refused.jobs.has_value());
        EXPECT_THAT(refused.jobs.error().message, HasSubstr("fsync failed"));
        const auto health = desk.wait<StoreHealth>();
        EXPECT_EQ(health.state, StoreHealth::State::stopped);
        EXPECT_THAT(health.reason, HasSubstr("nothing is written any more until the daemon is started anew"));
        // The kernel may have dropped what it could not write: that it works again proves nothing.
        failing_disk::become(Mode::healthy);
        EXPECT_FALSE(desk.submit({{.payload = "4"}}).jobs.has_value());
        EXPECT_FALSE(desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "m", false}).map.has_value());
        EXPECT_EQ(desk.store->health().state, StoreHealth::State::stopped);
        EXPECT_EQ(*desk.ask<Fetched>(FetchPayload{1, acknowledged[1]}).payload, "2") << "reads go on";
    }
    StoreDesk desk(options);
    ASSERT_EQ(desk.error, "");
    EXPECT_EQ(desk.look(acknowledged[0]).result, "42");
    EXPECT_EQ(desk.look(acknowledged[1]).state, JobState::queued);
    EXPECT_TRUE(desk.submit({{.payload = "5"}}).jobs.has_value());
}

// What is lost with the power is what was not synced.
TEST_F(StoreOnABadDisk, WhatIsAcknowledgedIsSyncedWhereThePoolWantsThat) {
    StoreDesk desk(options);
    constexpr JobPoolId synced{0};
    constexpr JobPoolId trusting{1};
    for (int round = 0; round < 20; ++round) {
        const JobId job = desk.one({.pool = synced, .payload = "1"});
        EXPECT_EQ(failing_disk::unsynced_writes(), 0U) << "a submit";
        desk.ask<Claimed>(NoteClaim{.job = job, .pool = synced, .number = 2, .token = 9});
        EXPECT_EQ(failing_disk::unsynced_writes(), 0U) << "a claim that is waited for";
        NoteFinish end = done(job);
        end.pool = synced;
        desk.ask<Finished>(end);
        EXPECT_EQ(failing_disk::unsynced_writes(), 0U) << "an end";
        const auto opened = desk.ask<MapStored>(OpenMap{1, synced, "m" + std::to_string(round), false});
        EXPECT_EQ(failing_disk::unsynced_writes(), 0U) << "a map";
        desk.ask<MapSealStored>(SealMap{opened.map->map, {.items = 0}, true});
        EXPECT_EQ(failing_disk::unsynced_writes(), 0U) << "a seal that is waited for";
        const QueueMode mode = round % 2 == 0 ? QueueMode::paused : QueueMode::running;
        desk.ask<ModeStored>(SetMode{2, synced, mode});
        EXPECT_EQ(failing_disk::unsynced_writes(), 0U) << "a pause that is waited for";
        desk.ask<ModeStored>(SetMode{3, trusting, mode});
        EXPECT_GT(failing_disk::unsynced_writes(), 0U);
        desk.one({.pool = trusting, .payload = "1"});
        EXPECT_GT(failing_disk::unsynced_writes(), 0U) << "durability: os leaves that to the kernel";
    }
}

TEST_F(StoreOnABadDisk, APauseThatIsThereAlreadyIsSyncedToo) {
    StoreDesk desk(options);
    desk.ask<ModeStored>(SetMode{1, JobPoolId{1}, QueueMode::paused});
    EXPECT_GT(failing_disk::unsynced_writes(), 0U);
    desk.declare(JobPoolId{1}, "film", Durability::fsync, 1h);
    desk.ask<ModeStored>(SetMode{2, JobPoolId{1}, QueueMode::paused});
    EXPECT_EQ(failing_disk::unsynced_writes(), 0U);
}

TEST_F(StoreOnABadDisk, AFullDiskRefusesSubmitsAndKeepsEnds) {
    StoreDesk desk(options);
    const JobId job = desk.one({.payload = "1"});
    failing_disk::become(Mode::full);
    const auto refused = desk.submit({{.payload = "2"}});
    ASSERT_FALSE(refused.jobs.has_value());
    EXPECT_THAT(refused.jobs.error().message, HasSubstr("the disk is full, submits are refused until there is room"));
    EXPECT_EQ(desk.wait<StoreHealth>().state, StoreHealth::State::full);
    desk.store->post(done(job));
    EXPECT_FALSE(desk.submit({{.payload = "3"}}).jobs.has_value());
    EXPECT_EQ(desk.look(job).state, JobState::queued) << "its end is not on the disk, and not told";
    failing_disk::become(Mode::healthy);
    EXPECT_EQ(desk.wait<Finished>().job, job) << "nobody had to say it again";
    EXPECT_EQ(desk.wait<StoreHealth>().state, StoreHealth::State::open);
    EXPECT_EQ(desk.look(job).state, JobState::done);
    EXPECT_TRUE(desk.submit({{.payload = "4"}}).jobs.has_value());
    EXPECT_EQ(desk.waiting().size(), 1U) << "what was refused is not there";
}

TEST_F(StoreOnABadDisk, AFullDiskKeepsAFlushAndWhatItIsFor) {
    StoreDesk desk(options);
    const JobId job = desk.one({.payload = "1"});
    desk.ask<Claimed>(NoteClaim{.job = job, .number = 1, .token = 2});
    failing_disk::become(Mode::full);
    EXPECT_FALSE(desk.submit({{.payload = "2"}}).jobs.has_value());
    EXPECT_EQ(desk.wait<StoreHealth>().state, StoreHealth::State::full);
    desk.store->post(Flush{JobPoolId{0}, 1});
    const auto before = failing_disk::refused_writes();
    for (const auto until = std::chrono::steady_clock::now() + 30s;
         failing_disk::refused_writes() == before && std::chrono::steady_clock::now() < until;)
        std::this_thread::yield();
    EXPECT_TRUE(desk.store->take_answers().empty()) << "a flush alone does not pass for room";
    desk.store->post(VoidClaim{job});
    desk.store->post(Flush{JobPoolId{0}, 2});
    EXPECT_FALSE(desk.submit({{.payload = "3"}}).jobs.has_value());
    EXPECT_TRUE(desk.waiting().at(0).claimed);
    failing_disk::become(Mode::healthy);
    EXPECT_EQ(desk.wait<Flushed>().number, 1U);
    EXPECT_EQ(desk.wait<Flushed>().number, 2U);
    EXPECT_FALSE(desk.waiting().at(0).claimed);
}

TEST_F(StoreOnABadDisk, AMapIsFoundOnAFullDiskAndOnOneThatHasStopped) {
    StoreDesk desk(options);
    const MapId map = desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "film", false}).map->map;
    failing_disk::become(Mode::full);
    EXPECT_FALSE(desk.submit({{.payload = "2"}}).jobs.has_value());
    EXPECT_EQ(*desk.ask<MapFound>(FindMap{2, JobPoolId{0}, "film"}).map, map);
    EXPECT_EQ((*desk.ask<MapLookedUp>(LookUpMap{2, map}).map)->map, map);
    desk.store->post(CancelMap{.token = 7, .map = map, .pool = JobPoolId{0}});
    failing_disk::become(Mode::healthy);
    EXPECT_EQ(desk.wait<MapCancelled>().token, 7U);
    failing_disk::become(Mode::sync_fails);
    EXPECT_FALSE(desk.submit({{.payload = "3"}}).jobs.has_value());
    EXPECT_EQ(*desk.ask<MapFound>(FindMap{3, JobPoolId{0}, "film"}).map, map);
    EXPECT_EQ((*desk.ask<MapLookedUp>(LookUpMap{3, map}).map)->map, map);
}

// What a start tidies up may wait until there is room.
TEST_F(StoreOnABadDisk, AStartOnAFullDiskThatFindsOldMapsGoesOnByItself) {
    JobId job;
    {
        StoreDesk desk(options);
        desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "", false});
        desk.ask<MapStored>(OpenMap{2, JobPoolId{0}, "film", false});
        job = desk.one({.payload = "1"});
    }
    failing_disk::become(Mode::full);
    options.nonce = 1;
    StoreDesk desk(options);
    ASSERT_EQ(desk.error, "");
    EXPECT_EQ(desk.waiting().size(), 1U);
    const auto refused = desk.submit({{.payload = "2"}});
    ASSERT_FALSE(refused.jobs.has_value());
    EXPECT_THAT(refused.jobs.error().message, HasSubstr("submits are refused until there is room"));
    desk.store->post(done(job));
    failing_disk::become(Mode::healthy);
    EXPECT_EQ(desk.wait<Finished>().job, job);
    EXPECT_TRUE(desk.submit({{.payload = "2"}}).jobs.has_value());
}

// Submits between them are refused at once, and the ends stay in their order, however often the committer looks.
TEST_F(StoreOnABadDisk, ManyEndsWaitForRoomAndAreAllWrittenOnceThereIs) {
    StoreDesk desk(options);
    failing_disk::become(Mode::full);
    constexpr std::uint64_t ends = 3000;
    for (std::uint64_t job = 1; job <= ends; ++job) {
        desk.store->post(done(JobId{job}));
        if (job % 100 != 0) continue;
        EXPECT_FALSE(desk.submit({{.payload = "2"}}).jobs.has_value());
    }
    failing_disk::become(Mode::healthy);
    for (std::uint64_t job = 1; job <= ends; ++job) ASSERT_EQ(desk.wait<Finished>().job, JobId{job});
    EXPECT_TRUE(desk.submit({{.payload = "3"}}).jobs.has_value());
}

TEST_F(StoreOnABadDisk, WhatChangesNothingDoesNotPassForRoom) {
    StoreDesk desk(options);
    desk.one({.payload = "1"});
    failing_disk::become(Mode::full);
    EXPECT_FALSE(desk.submit({{.payload = "2"}}).jobs.has_value());
    EXPECT_EQ(desk.wait<StoreHealth>().state, StoreHealth::State::full);
    const auto before = failing_disk::refused_writes();
    desk.store->post(VoidClaim{JobId{77}});
    for (const auto until = std::chrono::steady_clock::now() + 30s;
         failing_disk::refused_writes() < before + 4 && std::chrono::steady_clock::now() < until;) {
        for (auto& answer : desk.store->take_answers()) ASSERT_FALSE(std::holds_alternative<StoreHealth>(answer));
        std::this_thread::yield();
    }
    EXPECT_EQ(desk.store->health().state, StoreHealth::State::full);
}

TEST_F(StoreOnABadDisk, AReadOnlyDatabaseIsNamed) {
    {
        StoreDesk desk(options);
        desk.one({.payload = "1"});
    }
    failing_disk::become(Mode::read_only);
    StoreDesk desk(options);
    EXPECT_EQ(desk.error, "open '" + folder.path + "/jobs.db': the database is read-only");
}

// As the start does, of what begins later.
TEST_F(StoreOnABadDisk, WhatAWriteFailedOfIsNamed) {
    const std::pair<int, std::string> troubles[] = {{EROFS, "read-only file system"}, {EIO, "input/output error"}};
    for (const auto& [code, words] : troubles) {
        StoreDesk desk(options);
        desk.one({.payload = "1"});
        failing_disk::refuse_writes(code);
        const auto refused = desk.submit({{.payload = "2"}});
        failing_disk::refuse_writes(0);
        ASSERT_FALSE(refused.jobs.has_value());
        EXPECT_THAT(refused.jobs.error().message, HasSubstr("jobs.db': " + words + ", nothing is written any more"));
        const auto health = desk.wait<StoreHealth>();
        EXPECT_EQ(health.state, StoreHealth::State::stopped);
        EXPECT_EQ(health.code, code);
    }
}

TEST_F(StoreOnABadDisk, AQuotaThatIsUsedUpIsAFullDisk) {
    StoreDesk desk(options);
    failing_disk::refuse_writes(EDQUOT);
    const auto refused = desk.submit({{.payload = "1"}});
    EXPECT_EQ(desk.wait<StoreHealth>().state, StoreHealth::State::full);
    failing_disk::refuse_writes(0);
    ASSERT_FALSE(refused.jobs.has_value());
    EXPECT_THAT(refused.jobs.error().message, HasSubstr("submits are refused until there is room"));
    EXPECT_EQ(desk.wait<StoreHealth>().state, StoreHealth::State::open);
    EXPECT_TRUE(desk.submit({{.payload = "2"}}).jobs.has_value());
}

TEST_F(StoreOnABadDisk, ADamagedPageCostsTheInputsThatAreInIt) {
    std::vector<JobId> ids;
    const auto payload = [](std::size_t i) { return std::to_string(1'000'000 + i) + std::string(3000, 'p'); };
    {
        StoreDesk desk(options);
        for (std::size_t i = 0; i < 100; ++i) ids.push_back(desk.one({.payload = payload(i)}));
    }
    const std::string path = folder.path + "/jobs.db";
    std::ostringstream all;
    all << std::ifstream(path, std::ios::binary).rdbuf();
    const std::size_t at = all.str().find(payload(50));
    ASSERT_NE(at, std::string::npos);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at / 4096 * 4096));
    file.write(std::string(4096, '\x5a').data(), 4096);
    file.close();

    StoreDesk desk(options);
    ASSERT_EQ(desk.error, "");
    EXPECT_EQ(desk.waiting().size(), 100U) << "what waits is apart from its inputs";
    const auto lost = desk.ask<Fetched>(FetchPayload{1, ids[50]});
    ASSERT_FALSE(lost.payload.has_value());
    EXPECT_THAT(lost.payload.error().message, HasSubstr("the database is damaged"));
    EXPECT_EQ(*desk.ask<Fetched>(FetchPayload{1, ids[20]}).payload, payload(20));
    EXPECT_EQ(*desk.ask<Fetched>(FetchPayload{1, ids[80]}).payload, payload(80));
    desk.ask<Finished>(done(ids[20]));
    EXPECT_TRUE(desk.submit({{.payload = "new"}}).jobs.has_value());
    EXPECT_EQ(desk.store->health().state, StoreHealth::State::open);
}

// What could not be read would wait unseen, and new jobs would be written over it.
TEST_F(StoreOnABadDisk, ADamagedPageOfWhatWaitsStopsItAtStart) {
    {
        StoreDesk desk(options);
        std::vector<NewJob> jobs(2000);
        desk.submit(std::move(jobs));
    }
    failing_disk::spoil_live_pages(folder.path + "/jobs.db");
    StoreDesk desk(options);
    ASSERT_EQ(desk.error, "");
    const auto read = desk.store->recover(
        std::nullopt,
        {.queue = [](const RecoveredQueue&) {}, .map = [](const RecoveredMap&) {}, .job = [](const RecoveredJob&) {}});
    ASSERT_FALSE(read.has_value());
    EXPECT_THAT(read.error().message, HasSubstr("read what waits in the queues: access"));
    const auto health = desk.wait<StoreHealth>();
    EXPECT_EQ(health.state, StoreHealth::State::stopped);
    EXPECT_EQ(health.code, EUCLEAN);
    const auto refused = desk.submit({{.payload = "1"}});
    ASSERT_FALSE(refused.jobs.has_value());
    EXPECT_THAT(refused.jobs.error().message, HasSubstr("the database is damaged, nothing is written any more"));
}

TEST_F(StoreOnABadDisk, ADamagedPageThatACommitMeetsStopsIt) {
    JobId kept;
    {
        StoreDesk desk(options);
        kept = desk.one({.payload = "kept"});
    }
    StoreDesk desk(options);
    failing_disk::spoil_live_pages(folder.path + "/jobs.db");
    const auto refused = desk.submit({{.payload = "1"}});
    ASSERT_FALSE(refused.jobs.has_value());
    EXPECT_THAT(refused.jobs.error().message, HasSubstr("the database is damaged, nothing is written any more"));
    const auto health = desk.wait<StoreHealth>();
    EXPECT_EQ(health.state, StoreHealth::State::stopped);
    EXPECT_EQ(health.code, EUCLEAN);
    EXPECT_EQ(*desk.ask<Fetched>(FetchPayload{1, kept}).payload, "kept") << "it lies in a page that is whole";
}

TEST_F(StoreOnABadDisk, ALogThatWasCutOffOpensWithWhatIsLeft) {
    std::vector<JobId> ids;
    const std::string log = folder.path + "/jobs.db-wal";
    const std::string kept = folder.path + "/kept";
    {
        StoreDesk desk(options);
        for (int i = 0; i < 50; ++i) ids.push_back(desk.one({.payload = std::string(3000, 'p')}));
        // As if the power had failed: the log was not copied.
        std::filesystem::create_directory(kept);
        for (const char* name : {"jobs.db", "jobs.db-wal"})
            std::filesystem::copy(folder.path + "/" + name, kept + "/" + name);
    }
    const auto size = std::filesystem::file_size(kept + "/jobs.db-wal");
    std::filesystem::resize_file(kept + "/jobs.db-wal", size / 2 + 100);
    options.folder = kept;
    StoreDesk desk(options);
    ASSERT_EQ(desk.error, "");
    const auto left = desk.waiting();
    EXPECT_GT(left.size(), 10U);
    EXPECT_LT(left.size(), 50U);
    for (const auto& job : left) EXPECT_TRUE(desk.ask<Fetched>(FetchPayload{1, job.job}).payload.has_value());
    EXPECT_TRUE(desk.submit({{.payload = "new"}}).jobs.has_value());
}

// What is written to a file without a name is lost with the process, however often it was synced.
TEST_F(StoreOnABadDisk, ADatabaseThatIsTakenAwayStopsIt) {
    StoreDesk desk(options);
    desk.one({.payload = "1"});
    std::filesystem::rename(folder.path + "/jobs.db", folder.path + "/elsewhere.db");
    const auto refused = desk.submit({{.payload = "2"}});
    ASSERT_FALSE(refused.jobs.has_value());
    EXPECT_THAT(refused.jobs.error().message, HasSubstr("it was removed, or another file is in its place"));
    EXPECT_EQ(desk.wait<StoreHealth>().code, ENOENT);
}

TEST_F(StoreOnABadDisk, ASpoolThatIsTakenAwayCostsWhatWasInIt) {
    StoreDesk desk(options);
    const std::string large(limits::max_inline_bytes + 1, 'x');
    const JobId lost = desk.one({.payload = large});
    std::filesystem::remove_all(folder.path + "/spool");
    EXPECT_THAT(desk.ask<Fetched>(FetchPayload{1, lost}).payload.error().message, HasSubstr("no such file"));
    const JobId job = desk.one({.payload = large});
    EXPECT_EQ(*desk.ask<Fetched>(FetchPayload{1, job}).payload, large);
    EXPECT_EQ(desk.store->health().state, StoreHealth::State::open);
}

TEST_F(StoreOnABadDisk, ARefusedSubmitLeavesNoFileOnAFullDisk) {
    StoreDesk desk(options);
    const std::string large(limits::max_inline_bytes + 1, 'x');
    failing_disk::become(Mode::full);  // of the database: there is room for the file itself
    EXPECT_FALSE(desk.submit({{.payload = large}, {.payload = large}}).jobs.has_value());
    EXPECT_EQ(files_in(folder.path + "/spool"), 0U);
    failing_disk::become(Mode::healthy);
    const auto is_open = [&] { return desk.wait<StoreHealth>().state == StoreHealth::State::open; };
    EXPECT_TRUE(is_open() || is_open());
    const MapId map = desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "film", false}).map->map;
    EXPECT_TRUE(desk.submit({{.map = map, .payload = large}}).jobs.has_value());
    EXPECT_FALSE(desk.submit({{.map = map, .payload = large + "y"}}).jobs.has_value()) << "another input";
    desk.submit({{.payload = "1"}});  // the file goes after the commit
    EXPECT_EQ(files_in(folder.path + "/spool"), 1U);
}

TEST_F(StoreOnABadDisk, AnotherProgramsDatabaseIsNamedAndLeftAlone) {
    const std::string path = folder.path + "/jobs.db";
    failing_disk::make_foreign_database(path);
    const auto size = std::filesystem::file_size(path);
    StoreDesk desk(options);
    EXPECT_EQ(desk.error, "open '" + path + "': the database belongs to another program");
    EXPECT_EQ(std::filesystem::file_size(path), size);
}

}  // namespace
}  // namespace pinion::jobs
