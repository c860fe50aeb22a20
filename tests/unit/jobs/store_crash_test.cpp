// SPDX-License-Identifier: Apache-2.0
// Crash points: a child works with the store and dies by SIGKILL at the n-th point, for n = 1, 2, 3 … until one lives
// to its end. What it was told is what must be there.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <map>
#include <set>

#include "store_harness.h"

namespace pinion::jobs {
namespace {

// Shared with the child, and there when it is gone.
struct Told {
    std::atomic<std::uint32_t> submitted{0};
    std::atomic<std::uint32_t> finished{0};
    std::atomic<std::uint32_t> pushed{0};
    std::atomic<std::uint32_t> pass{0};  // 1: the child came to its end
    std::uint64_t ids[256];
    std::uint64_t ended[256];
    std::uint64_t pushes[256];
};

constexpr std::uint32_t jobs_of_a_life = 12;
std::string key(std::uint32_t i) { return "k" + std::to_string(i); }
// Whether the end of that job queues another, whose input begins with its key.
bool pushes(std::uint32_t i) { return i % 2 == 0; }

void life(const std::string& folder, Told& told, std::uint64_t n, std::uint64_t nonce) {
    std::atomic<std::uint64_t> points = 0;
    StoreDesk desk({.folder = folder, .nonce = nonce, .hook = [&](StorePoint) {
                        if (++points == n) ::kill(::getpid(), SIGKILL);
                    }});
    if (!desk.store) ::_exit(2);
    for (std::uint32_t i = 0; i < jobs_of_a_life; ++i) {
        const std::size_t size = i % 4 == 0 ? 6000 : 10;
        const JobId job = desk.one({.payload = std::string(size, 'a'), .key = key(i)});
        told.ids[told.submitted] = job.value;
        ++told.submitted;
        if (i % 3 == 2) continue;
        desk.store->post(NoteClaim{.job = job});
        if (i % 5 == 0) desk.store->post(NoteRetry{job, {.number = 1, .outcome = Outcome::crash}, {}});
        NoteFinish finish{
            .job = job, .attempt = {.number = 1}, .result = std::string(i % 4 == 1 ? 7000 : 5, 'r'), .pushes = {}};
        if (pushes(i)) finish.pushes.push_back({.pool = JobPoolId{0}, .payload = key(i) + std::string(5000, 'p')});
        const Finished done = desk.ask<Finished>(finish);
        told.ended[told.finished] = job.value;
        ++told.finished;
        for (const PlacedJob& pushed : done.pushed) {
            told.pushes[told.pushed] = pushed.id.value;
            ++told.pushed;
        }
    }
    desk.store.reset();
    told.pass = 1;
    ::_exit(0);
}

// Whoever was told what: a job with a key is there once, and what its end pushes is there if the end is, and once.
// Gives the number of the jobs with keys.
std::size_t check_pushes(StoreDesk& desk, std::uint64_t n) {
    std::map<std::string, JobState> states;
    std::map<std::string, int> pushed;
    const Listed all = desk.ask<Listed>(ListJobs{.token = 1, .limit = 10'000});
    for (const StoredJob& job : *all.jobs) {
        if (!job.key.empty()) {
            EXPECT_TRUE(states.emplace(job.key, job.state).second) << "point " << n << ": two jobs of " << job.key;
            continue;
        }
        const auto payload = desk.ask<Fetched>(FetchPayload{1, job.id}).payload;
        if (payload) ++pushed[payload->substr(0, payload->find('p'))];
    }
    for (std::uint32_t i = 0; i < jobs_of_a_life; ++i) {
        const bool ended = states.contains(key(i)) && is_final(states[key(i)]);
        EXPECT_EQ(pushed[key(i)], ended && pushes(i) ? 1 : 0) << "point " << n << ": of " << key(i);
    }
    return states.size();
}

// Everything the child was told is there, once, whole; and nothing half.
void check_recovered(const std::string& folder, const Told& told, std::uint64_t n) {
    StoreDesk desk({.folder = folder, .nonce = 1'000'000 + n});
    ASSERT_EQ(desk.error, "") << "point " << n;
    std::set<std::uint64_t> waiting;
    for (const RecoveredJob& job : desk.waiting()) EXPECT_TRUE(waiting.insert(job.job.value).second);
    std::set<std::uint64_t> ended(told.ended, told.ended + told.finished);
    for (std::uint32_t i = 0; i < told.submitted; ++i) {
        const StoredJob job = desk.look(JobId{told.ids[i]});
        EXPECT_NE(waiting.contains(told.ids[i]), is_final(job.state)) << "point " << n << ": both or neither";
        EXPECT_TRUE(!ended.contains(told.ids[i]) || job.state == JobState::done) << "point " << n;
        EXPECT_TRUE(desk.ask<Fetched>(FetchPayload{1, JobId{told.ids[i]}}).payload.has_value()) << "point " << n;
        EXPECT_EQ(desk.one({.payload = "x", .key = key(i)}).value, told.ids[i]) << "its key is kept";
    }
    for (std::uint32_t i = 0; i < told.pushed; ++i) EXPECT_TRUE(waiting.contains(told.pushes[i])) << "point " << n;
    check_pushes(desk, n);
    // Every input that waits can be read, whether its submitter was told or not; every file belongs to somebody.
    std::size_t large = 0;
    const Listed all = desk.ask<Listed>(ListJobs{.token = 1, .limit = 10'000});
    for (const StoredJob& job : *all.jobs) {
        const auto payload = desk.ask<Fetched>(FetchPayload{1, job.id}).payload;
        ASSERT_TRUE(payload.has_value()) << "point " << n;
        large += payload->size() > limits::max_inline_bytes ? 1 : 0;
        large += desk.look(job.id).result.size() > limits::max_inline_bytes ? 1 : 0;
    }
    const std::filesystem::directory_iterator files(folder + "/spool");
    EXPECT_EQ(static_cast<std::size_t>(std::distance(files, {})), large) << "point " << n << ": orphans are swept";
}

TEST(StoreCrashes, WhateverThePointNothingAcknowledgedIsLost) {
    void* memory = ::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    std::uint64_t n = 1;
    for (;; ++n) {
        auto& told = *new (memory) Told;
        ScratchFolder folder(true);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) life(folder.path, told, n, n);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        check_recovered(folder.path, told, n);
        if (HasFatalFailure() || told.pass == 1) break;
        ASSERT_TRUE(WIFSIGNALED(status)) << "point " << n << ", exit " << WEXITSTATUS(status);
    }
    ::munmap(memory, sizeof(Told));
    EXPECT_GT(n, 60U) << "the life has become too short to prove anything";
    RecordProperty("points", std::to_string(n));
}

// The same store over many lives, each killed at a chance point but the last: what was told adds up, and what was asked
// for anew, since no answer had come, is there once.
TEST(StoreCrashes, ManyLivesOfOneStoreAddUp) {
    void* memory = ::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    const char* wanted = std::getenv("PINION_STORE_KILLS");
    const std::uint64_t lives = wanted == nullptr ? 40 : std::stoull(wanted);
    ScratchFolder folder(true);
    std::set<std::uint64_t> ended;
    std::uint64_t seed = 1;
    for (std::uint64_t turn = 0; turn < lives; ++turn) {
        auto& told = *new (memory) Told;
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        const std::uint64_t point = turn + 1 < lives ? 1 + (seed >> 33) % 90 : 0;
        if (child == 0) life(folder.path, told, point, turn);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        // Keys find the jobs of earlier lives, so ends are told again; each is kept as it was.
        for (std::uint32_t i = 0; i < told.finished; ++i) ended.insert(told.ended[i]);
    }
    StoreDesk desk({.folder = folder.path, .nonce = 1'000'000});
    ASSERT_EQ(desk.error, "");
    for (const std::uint64_t job : ended) EXPECT_EQ(desk.look(JobId{job}).state, JobState::done);
    EXPECT_EQ(ended.size(), 8U) << "two of three";
    EXPECT_EQ(check_pushes(desk, 0), jobs_of_a_life);
    EXPECT_EQ(desk.ask<Listed>(ListJobs{.token = 1, .limit = 10'000}).jobs->size(), jobs_of_a_life + 4U);
    ::munmap(memory, sizeof(Told));
}

TEST(StoreTrouble, AForeignFileIsNamedAndLeftAlone) {
    ScratchFolder folder;
    const std::string path = folder.path + "/jobs.db";
    std::ofstream(path) << std::string(5000, 'x');
    StoreDesk desk({.folder = folder.path});
    EXPECT_THAT(desk.error, testing::HasSubstr("/jobs.db': it is no database of jobs"));
    EXPECT_EQ(std::filesystem::file_size(path), 5000U);
}

TEST(StoreTrouble, ADamagedDatabaseIsNamed) {
    ScratchFolder folder;
    {
        StoreDesk desk({.folder = folder.path});
        desk.one({.payload = "1"});
    }
    std::fstream file(folder.path + "/jobs.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    const std::string junk(4096 * 8, '\x5a');
    file.write(junk.data(), static_cast<std::streamsize>(junk.size()));
    file.close();
    StoreDesk desk({.folder = folder.path});
    EXPECT_THAT(desk.error, testing::HasSubstr("the database is damaged"));
}

TEST(StoreTrouble, AFolderThatCanNotBeMadeIsNamed) {
    StoreDesk desk({.folder = "/proc/nothing/jobs"});
    EXPECT_EQ(desk.error, "make folder '/proc/nothing/jobs': no such file or directory");
}

}  // namespace
}  // namespace pinion::jobs
