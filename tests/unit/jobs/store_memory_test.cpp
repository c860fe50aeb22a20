// SPDX-License-Identifier: Apache-2.0
// What only the store in memory and the router before both promise.
#include "jobs/store_router.h"
#include "jobs/store_threads.h"
#include "store_harness.h"

namespace pinion::jobs {
namespace {

using testing::HasSubstr;

// --- Memory.

TEST(StoreInMemory, AJobThatWaitsTakesFortyBytesAndItsPayload) {
    auto store = MemoryStore::open({.started = WallTime(1h)}).value();
    store->declare_pool(JobPoolId{0}, "p", QueuePolicy{});
    store->post(Enqueue{1, std::vector<NewJob>(100'000)});
    EXPECT_EQ(std::get<Enqueued>(store->take_answers().at(0)).jobs->size(), 100'000U);
    EXPECT_LT(store->memory_bytes(), 100'000 * 42U);
}

TEST(StoreInMemory, ForgetsTheOldestEndsPastItsBytes) {
    auto opened = MemoryStore::open({.started = WallTime(1h), .finished_bytes = 100'000});
    MemoryStore& store = **opened;
    StoreDesk desk(std::unique_ptr<Store>(std::move(*opened)), Durability::memory, Durability::memory);
    const JobId waits = desk.one({.payload = std::string(200'000, 'w')});
    std::vector<JobId> ids;
    for (int i = 0; i < 50; ++i) {
        ids.push_back(desk.one({.pool = JobPoolId{static_cast<std::uint32_t>(i % 2)},
                                .payload = std::string(1000, 'i'),
                                .key = "k" + std::to_string(i)}));
        desk.ask<Finished>(done(ids.back(), std::string(9000, 'r')));
        EXPECT_LE(store.finished_bytes(), 100'000U);
    }
    EXPECT_FALSE(desk.ask<LookedUp>(LookUpJob{1, ids.front()}).job->has_value());
    EXPECT_EQ(desk.look(ids.back()).result.size(), 9000U);
    EXPECT_EQ(desk.look(waits).state, JobState::queued) << "what waits is never forgotten";
    EXPECT_NE(desk.one({.payload = "1", .key = "k0"}), ids.front()) << "a key goes with its job";
    EXPECT_EQ(desk.one({.pool = JobPoolId{1}, .payload = "1", .key = "k49"}), ids.back());
}

TEST(StoreInMemory, IdsGoOnFromOneRunToTheNext) {
    const auto first_id = [](WallTime started) {
        auto store = MemoryStore::open({.started = started}).value();
        store->declare_pool(JobPoolId{0}, "p", QueuePolicy{});
        return store->place({}).id;
    };
    EXPECT_TRUE(is_in_memory(first_id(WallTime{})));
    EXPECT_GT(first_id(WallTime(2s)).value, first_id(WallTime(1s)).value + 999'999);
    EXPECT_LT(first_id(wall_now()).value, 1ULL << 53);
}

TEST(StoreInMemory, AMapIsForgottenWithItsJobs) {
    StoreDesk desk(std::unique_ptr<Store>(MemoryStore::open({.started = WallTime(1h)}).value()));
    for (const char* name : {"", "film-12"}) {
        const MapId map = desk.ask<MapStored>(OpenMap{1, JobPoolId{1}, name, false}).map->map;
        const JobId job = desk.one({.pool = JobPoolId{1}, .map = map, .payload = "1"});
        desk.store->post(SealMap{map});
        desk.waiting();
        EXPECT_EQ(desk.maps.size(), 1U);
        desk.ask<Finished>(done(job));
        desk.store->post(Expire{wall_now() + 2h});
        desk.waiting();
        EXPECT_TRUE(desk.maps.empty());
    }
    EXPECT_FALSE(desk.ask<MapStored>(OpenMap{1, JobPoolId{1}, "film-12", false}).map->existing);
}

// --- Both, behind the router.

// An engine for disks that are not as they should be: answers by hand.
class SlowDisk : public Store {
public:
    SlowDisk() { EXPECT_TRUE(box.open()); }
    void declare_pool(JobPoolId, const std::string&, const QueuePolicy&) override {}
    Result<void> recover(std::optional<JobPoolId>, const RecoveryVisitor&) override { return {}; }
    void post(WriteRequest request) override { writes.push_back(std::move(request)); }
    void post(ReadRequest) override {}
    bool has_room() const override { return true; }
    std::vector<StoreAnswer> take_answers() override { return box.take(); }
    int answer_fd() const override { return box.fd(); }
    StoreHealth health() const override { return now; }
    void become(StoreHealth::State state) {
        now.state = state;
        box.put(now);
    }

    AnswerBox box;
    StoreHealth now;
    std::vector<WriteRequest> writes;
};

struct Routed {
    explicit Routed(Durability thumbs = Durability::memory, Durability film = Durability::memory)
        : desk(open_store_router({.memory = {.started = wall_now()},
                                  .open_disk = [this]() -> Result<std::unique_ptr<Store>> {
                                      ++opened;
                                      if (broken) return fail("open '/x/jobs.db': the database is read-only");
                                      return open_sqlite_store({.folder = folder.path});
                                  }}),
               thumbs, film) {}
    ScratchFolder folder;
    bool broken = false;
    int opened = 0;
    StoreDesk desk;
};

TEST(StoreRouter, OpensTheDiskWithTheFirstPoolThatWantsIt) {
    Routed routed;
    const JobId job = routed.desk.one({.payload = "1"});
    EXPECT_TRUE(is_in_memory(job));
    EXPECT_EQ(routed.opened, 0);
    EXPECT_TRUE(std::filesystem::is_empty(routed.folder.path));
    routed.desk.declare(JobPoolId{2}, "sound", Durability::os);
    EXPECT_EQ(routed.opened, 1);
    EXPECT_FALSE(is_in_memory(routed.desk.one({.pool = JobPoolId{2}, .payload = "1"})));
    EXPECT_TRUE(is_in_memory(routed.desk.one({.payload = "1"})));
}

TEST(StoreRouter, WhatIsInMemoryBesideADiskGrowsOldToo) {
    Routed routed;
    routed.desk.declare(JobPoolId{2}, "sound", Durability::os);
    ASSERT_EQ(routed.opened, 1);
    const JobId job = routed.desk.one({.pool = JobPoolId{1}, .payload = "1"});
    ASSERT_TRUE(is_in_memory(job));
    routed.desk.ask<Finished>(done(job));
    EXPECT_EQ(routed.desk.ask<Listed>(ListJobs{.token = 1, .limit = 10}).jobs->size(), 1U);
    routed.desk.store->post(Expire{wall_now() + 2h});
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!routed.desk.ask<Listed>(ListJobs{.token = 1, .limit = 10}).jobs->empty())
        ASSERT_LT(std::chrono::steady_clock::now(), until);
}

TEST(StoreRouter, ADiskThatCanNotBeOpenedStopsOnlyItsOwnPools) {
    Routed routed;
    routed.broken = true;
    routed.desk.declare(JobPoolId{2}, "sound", Durability::fsync);
    const auto health = routed.desk.wait<StoreHealth>();
    EXPECT_EQ(health.state, StoreHealth::State::stopped);
    EXPECT_THAT(health.reason, HasSubstr("read-only, pools that are kept on disk take no jobs until"));
    EXPECT_EQ(routed.desk.store->health().state, StoreHealth::State::stopped);
    const auto refused = routed.desk.submit({{.pool = JobPoolId{2}, .payload = "1"}});
    ASSERT_FALSE(refused.jobs.has_value());
    EXPECT_THAT(refused.jobs.error().message, HasSubstr("submit: open '/x/jobs.db': the database is read-only"));
    EXPECT_FALSE(routed.desk.ask<MapStored>(OpenMap{1, JobPoolId{2}, "m", false}).map.has_value());
    EXPECT_FALSE(routed.desk.ask<LookedUp>(LookUpJob{1, JobId{5}}).job.has_value());
    EXPECT_FALSE(routed.desk.ask<Fetched>(FetchPayload{1, JobId{5}}).payload.has_value());
    EXPECT_FALSE(routed.desk.ask<ItemsRead>(ReadItems{1, MapId{5}, 0, 1}).items.has_value());
    const JobId job = routed.desk.one({.payload = "1"});
    routed.desk.ask<Finished>(done(job));
    EXPECT_EQ(routed.desk.look(job).result, "42");
    EXPECT_EQ(routed.desk.ask<Listed>(ListJobs{.token = 3}).jobs->size(), 1U);
    routed.desk.declare(JobPoolId{3}, "light", Durability::fsync);
    EXPECT_EQ(routed.opened, 1) << "it is not tried again";
    EXPECT_TRUE(routed.desk.waiting().empty());
}

TEST(StoreRouter, APauseIsAnsweredByTheEngineThatThePoolPromises) {
    auto made = std::make_unique<SlowDisk>();
    SlowDisk& disk = *made;
    StoreDesk desk(
        open_store_router({.memory = {.started = wall_now()},
                           .open_disk = [&]() -> Result<std::unique_ptr<Store>> { return std::move(made); }}),
        Durability::memory, Durability::fsync);
    desk.store->post(SetMode{7, JobPoolId{1}, QueueMode::paused});
    EXPECT_TRUE(desk.store->take_answers().empty());
    ASSERT_EQ(disk.writes.size(), 1U);
    EXPECT_EQ(std::get<SetMode>(disk.writes[0]).token, 7U);
    disk.box.put(ModeStored{7});
    EXPECT_EQ(desk.wait<ModeStored>().token, 7U);
    EXPECT_EQ(desk.ask<ModeStored>(SetMode{8, JobPoolId{0}, QueueMode::paused}).token, 8U);
    ASSERT_EQ(disk.writes.size(), 2U) << "the disk knows it, too, and nobody waits for that";
    EXPECT_FALSE(std::get<SetMode>(disk.writes[1]).token);
    desk.declare(JobPoolId{1}, "film", Durability::memory);
    EXPECT_EQ(desk.ask<ModeStored>(SetMode{9, JobPoolId{1}, QueueMode::paused}).token, 9U);
}

TEST(StoreRouter, PushesGoToBothAndComeBackInTheirOrder) {
    Routed routed(Durability::memory, Durability::os);
    const JobId job = routed.desk.one({.payload = "1"});
    NoteFinish finish = done(job);
    for (std::uint32_t i = 0; i < 6; ++i)
        finish.pushes.push_back({.pool = JobPoolId{i % 2}, .payload = std::to_string(i)});
    const Finished answer = routed.desk.ask<Finished>(finish);
    ASSERT_EQ(answer.pushed.size(), 6U);
    for (std::uint32_t i = 0; i < 6; ++i) {
        EXPECT_EQ(answer.pushed[i].pool, JobPoolId{i % 2});
        EXPECT_EQ(is_in_memory(answer.pushed[i].id), i % 2 == 0);
        EXPECT_EQ(*routed.desk.ask<Fetched>(FetchPayload{1, answer.pushed[i].id}).payload, std::to_string(i));
    }
    EXPECT_EQ(routed.desk.look(job).state, JobState::done);
    EXPECT_TRUE(routed.desk.ask<Finished>(finish).pushed.empty()) << "an end is an end";
    EXPECT_EQ(routed.desk.waiting().size(), 6U);
}

// A job in memory has ended, and its push is on its way to the disk.
class RefusedPushes : public testing::Test {
protected:
    void SetUp() override {
        NoteFinish finish = done(job);
        finish.pushes.push_back({.pool = JobPoolId{1}, .payload = "next"});
        desk.store->post(finish);
        ASSERT_EQ(slow.writes.size(), 1U);
    }
    [[nodiscard]] std::uint64_t token() const { return std::get<Enqueue>(slow.writes.back()).token; }

    std::unique_ptr<SlowDisk> disk = std::make_unique<SlowDisk>();
    SlowDisk& slow = *disk;
    StoreDesk desk{
        open_store_router({.memory = {.started = wall_now()},
                           .open_disk = [&]() -> Result<std::unique_ptr<Store>> { return std::move(disk); }}),
        Durability::memory, Durability::fsync};
    JobId job = desk.one({.payload = "1"});
};

TEST_F(RefusedPushes, HoldTheEndBackUntilTheDiskHasRoom) {
    slow.become(StoreHealth::State::full);
    slow.box.put(Enqueued{token(), fail("submit: no room")});
    EXPECT_EQ(desk.wait<StoreHealth>().state, StoreHealth::State::full);
    EXPECT_TRUE(desk.store->take_answers().empty()) << "nobody is told of a submit that is ours";
    EXPECT_EQ(desk.look(job).state, JobState::queued);
    EXPECT_EQ(slow.writes.size(), 1U);
    slow.become(StoreHealth::State::open);
    desk.wait<StoreHealth>();
    ASSERT_EQ(slow.writes.size(), 2U);
    EXPECT_EQ(std::get<Enqueue>(slow.writes.back()).jobs.at(0).payload, "next");
    slow.box.put(Enqueued{token(), std::vector{PlacedJob{.id = JobId{5}, .pool = JobPoolId{1}}}});
    const Finished answer = desk.wait<Finished>();
    ASSERT_EQ(answer.pushed.size(), 1U);
    EXPECT_EQ(answer.pushed[0].id, JobId{5});
    EXPECT_EQ(desk.look(job).state, JobState::done);
}

// As one does that has no descriptor left.
TEST_F(RefusedPushes, ByAnOpenDiskAreTriedAgainAfterAPause) {
    for (std::size_t refusals = 1; refusals <= 2; ++refusals) {
        slow.box.put(Enqueued{token(), fail("submit: too many open files")});
        EXPECT_TRUE(desk.store->take_answers().empty());
        EXPECT_EQ(slow.writes.size(), refusals) << "not at once";
        pollfd ready{desk.store->answer_fd(), POLLIN, 0};
        ASSERT_EQ(::poll(&ready, 1, 10'000), 1);
        EXPECT_TRUE(desk.store->take_answers().empty());
        ASSERT_EQ(slow.writes.size(), refusals + 1);
        EXPECT_EQ(::poll(&ready, 1, 0), 0) << "nobody is to look again and again";
    }
    slow.box.put(Enqueued{token(), std::vector{PlacedJob{.id = JobId{5}, .pool = JobPoolId{1}}}});
    EXPECT_EQ(desk.wait<Finished>().pushed.at(0).id, JobId{5});
    EXPECT_EQ(desk.look(job).state, JobState::done);
}

TEST_F(RefusedPushes, ByADiskThatHasStoppedGiveTheEndBack) {
    slow.become(StoreHealth::State::stopped);
    slow.box.put(Enqueued{token(), fail("submit: fsync failed")});
    PushesRefused refused = desk.wait<PushesRefused>();
    EXPECT_EQ(refused.finish.job, job);
    EXPECT_EQ(refused.to, JobPoolId{1});
    EXPECT_TRUE(refused.finish.pushes.empty());
    EXPECT_EQ(desk.look(job).state, JobState::queued) << "nothing of it is there";
    refused.finish.state = JobState::failed;
    EXPECT_TRUE(desk.ask<Finished>(refused.finish).pushed.empty());
    EXPECT_EQ(desk.look(job).state, JobState::failed);
    EXPECT_EQ(slow.writes.size(), 1U) << "it is not tried again";
}

TEST_F(RefusedPushes, ByADiskThatWasFullAndHasStoppedGiveAllOfTheEndBack) {
    const JobId both = desk.one({.payload = "2"});
    NoteFinish finish = done(both);
    finish.pushes.push_back({.pool = JobPoolId{0}, .payload = "stays"});
    finish.pushes.push_back({.pool = JobPoolId{1}, .payload = "goes"});
    desk.store->post(finish);
    slow.become(StoreHealth::State::full);
    for (const auto& write : slow.writes)
        slow.box.put(Enqueued{std::get<Enqueue>(write).token, fail("submit: no room")});
    EXPECT_EQ(desk.wait<StoreHealth>().state, StoreHealth::State::full);
    EXPECT_TRUE(desk.answers.empty()) << "they wait for room";
    slow.become(StoreHealth::State::stopped);
    for (const JobId job_of : {job, both}) {
        PushesRefused refused = desk.wait<PushesRefused>();
        EXPECT_EQ(refused.finish.job, job_of);
        EXPECT_EQ(refused.to, JobPoolId{1});
        refused.finish.state = JobState::failed;
        EXPECT_TRUE(desk.ask<Finished>(refused.finish).pushed.empty());
    }
    EXPECT_TRUE(desk.waiting().empty()) << "what would have stayed in memory fell with the rest";
}

TEST(StoreRouter, ADiskThatCanNotBeOpenedRefusesPushes) {
    Routed routed;
    routed.broken = true;
    routed.desk.declare(JobPoolId{2}, "sound", Durability::fsync);
    const JobId job = routed.desk.one({.payload = "1"});
    NoteFinish finish = done(job);
    finish.pushes.push_back({.pool = JobPoolId{2}, .payload = "next"});
    EXPECT_EQ(routed.desk.ask<PushesRefused>(finish).finish.job, job);
}

TEST(StoreRouter, APoolThatBecomesStrongerWorksOffWhatItHas) {
    Routed routed;
    const MapId map = routed.desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "", false}).map->map;
    const JobId before = routed.desk.one({.map = map, .payload = "1", .key = "k"});
    routed.desk.declare(JobPoolId{0}, "thumbs", Durability::fsync);
    const JobId after = routed.desk.one({.payload = "2"});
    EXPECT_TRUE(is_in_memory(before));
    EXPECT_FALSE(is_in_memory(after));
    EXPECT_EQ(routed.desk.waiting().size(), 2U);
    const auto refused = routed.desk.submit({{.map = map, .payload = "3"}});
    ASSERT_FALSE(refused.jobs.has_value()) << "it would be acknowledged for more than it is";
    EXPECT_THAT(refused.jobs.error().message, HasSubstr("open it anew"));
    routed.desk.ask<Finished>(done(before));
    routed.desk.ask<Finished>(done(after));
    EXPECT_TRUE(routed.desk.waiting().empty());
    EXPECT_EQ(routed.desk.ask<Listed>(ListJobs{.token = 1, .pool = JobPoolId{0}, .limit = 1}).jobs->at(0).id, after);
    EXPECT_EQ(routed.desk.ask<Listed>(ListJobs{.token = 1, .pool = JobPoolId{0}}).jobs->size(), 2U);
}

TEST(StoreRouter, APoolThatBecomesWeakerStaysOnDisk) {
    Routed routed(Durability::fsync, Durability::memory);
    const JobId first = routed.desk.one({.payload = "1", .key = "k"});
    routed.desk.declare(JobPoolId{0}, "thumbs", Durability::memory);
    EXPECT_EQ(routed.desk.one({.payload = "1", .key = "k"}), first);
    // Its jobs may push to pools in memory now.
    NoteFinish finish = done(first);
    finish.pushes.push_back({.pool = JobPoolId{1}, .payload = "a"});
    finish.pushes.push_back({.pool = JobPoolId{0}, .payload = "b"});
    const Finished answer = routed.desk.ask<Finished>(finish);
    ASSERT_EQ(answer.pushed.size(), 2U);
    EXPECT_TRUE(is_in_memory(answer.pushed[0].id));
    EXPECT_FALSE(is_in_memory(answer.pushed[1].id));
    EXPECT_EQ(*routed.desk.ask<Fetched>(FetchPayload{1, answer.pushed[0].id}).payload, "a");
}

TEST(StoreRouter, WhatLiesOnDiskIsFoundWhenItIsOpenedAtOnce) {
    ScratchFolder folder;
    const auto open_disk = [&] { return open_sqlite_store({.folder = folder.path}); };
    EXPECT_FALSE(sqlite_store_exists(folder.path));
    MapId map;
    {
        StoreDesk desk(open_disk());
        map = desk.ask<MapStored>(OpenMap{1, JobPoolId{0}, "film", false}).map->map;
        desk.submit({{.map = map, .payload = "1"}});
    }
    StoreDesk desk(
        open_store_router(
            {.memory = {.started = wall_now()}, .open_disk = open_disk, .open_now = sqlite_store_exists(folder.path)}),
        Durability::memory, Durability::memory);
    ASSERT_EQ(desk.waiting().size(), 1U);
    const JobId job = desk.waiting().at(0).job;
    EXPECT_FALSE(is_in_memory(job));
    EXPECT_EQ(*desk.ask<MapFound>(FindMap{1, JobPoolId{0}, "film"}).map, map) << "to be cancelled, for one";
    EXPECT_EQ(*desk.ask<MapFound>(FindMap{2, JobPoolId{1}, "film"}).map, MapId{});
    const MapId later = desk.ask<MapStored>(OpenMap{3, JobPoolId{0}, "film", false}).map->map;
    EXPECT_TRUE(is_in_memory(later));
    EXPECT_EQ(*desk.ask<MapFound>(FindMap{4, JobPoolId{0}, "film"}).map, later);
    desk.ask<Finished>(done(job));
    EXPECT_TRUE(desk.waiting().empty());
    EXPECT_TRUE(is_in_memory(desk.one({.payload = "2"})));
}

}  // namespace
}  // namespace pinion::jobs
