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

NoteFinish done(JobId job) {
    return {.job = job, .attempt = {.number = 1, .detail = "{}"}, .result = "42", .pushes = {}};
}

class StoreOnABadDisk : public testing::Test {
protected:
    StoreOnABadDisk() { failing_disk::become(Mode::healthy); }
    ~StoreOnABadDisk() override { failing_disk::become(Mode::healthy); }
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

TEST_F(StoreOnABadDisk, AReadOnlyDatabaseIsNamed) {
    {
        StoreDesk desk(options);
        desk.one({.payload = "1"});
    }
    failing_disk::become(Mode::read_only);
    StoreDesk desk(options);
    EXPECT_EQ(desk.error, "open '" + folder.path + "/jobs.db': the database is read-only");
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
