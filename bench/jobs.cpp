// SPDX-License-Identifier: Apache-2.0
// The store of jobs and the scheduler alone, beside the limits of the machine in the same run: a bare fdatasync, a bare
// SQLite transaction.
//
//     bench_jobs [FOLDER]      on the file system of FOLDER (a folder of its own is made and removed); default:
//     /var/tmp
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "jobs/scheduler.h"
#include "jobs/store_schema.h"
#include "jobs/store_sqlite.h"

namespace {

using namespace pinion;
using namespace pinion::jobs;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

void row(const char* what, double rate, const char* more = "") {
    std::printf("| %-58s | %12.0f | %s |\n", what, rate, more);
}

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "bench_jobs: %s\n", why.c_str());
    std::exit(1);
}

const std::string payload = R"({"path":"/srv/pictures/2026/a.jpg","width":320})";

// A page is written and synced, again and again.
double bare_fdatasync(const std::string& folder) {
    const std::string path = folder + "/bare";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const std::string page(4096, 'x');
    std::uint64_t count = 0;
    const auto begin = Clock::now();
    for (; seconds_since(begin) < 1; ++count) {
        if (::write(file, page.data(), page.size()) != static_cast<ssize_t>(page.size()) || ::fdatasync(file) != 0)
            give_up("fdatasync failed");
    }
    const double rate = static_cast<double>(count) / seconds_since(begin);
    ::close(file);
    return rate;
}

// The same two rows that a submit makes, one transaction of `batch` of them, on a connection of its own.
double bare_sqlite(const std::string& folder, std::uint64_t batch) {
    const std::string path = folder + "/bare-" + std::to_string(batch) + ".db";
    auto database = open_for_writing(path, "");
    if (!database) give_up(database.error().message);
    auto live = (*database)->prepare("INSERT INTO live VALUES(?1, 1, 0, 5, 0, 0, 0, 40)");
    auto input = (*database)->prepare("INSERT INTO inputs VALUES(?1, 1, 0, 0, 5, 0, 0, NULL, NULL, ?2)");
    if (!live || !input) give_up("prepare failed");
    std::uint64_t id = 0;
    const auto begin = Clock::now();
    while (seconds_since(begin) < 1.5) {
        if (!(*database)->run("BEGIN IMMEDIATE")) give_up("begin failed");
        for (std::uint64_t i = 0; i < batch; ++i) {
            ++id;
            if (!live->bind(1, id).run() || !input->bind(1, id).bind(2, std::string_view(payload)).run())
                give_up("insert failed");
        }
        if (!(*database)->run("COMMIT")) give_up("commit failed");
        if ((*database)->log_pages() > 4096) (void)(*database)->checkpoint(Database::Checkpoint::restart);
    }
    return static_cast<double>(id) / seconds_since(begin);
}

NoteFinish end_of(JobId job) {
    return {.job = job, .attempt = {.number = 1, .detail = "{}"}, .result = payload, .pushes = {}};
}

std::unique_ptr<Store> open_store(const std::string& folder) {
    auto opened = open_sqlite_store({.folder = folder});
    if (!opened) give_up(opened.error().message);
    (*opened)->declare_pool(JobPoolId{0}, "bench", QueuePolicy{});
    return std::move(*opened);
}

struct StoreRun {
    double rate = 0;
    double p50_ms = 0;
    double p99_ms = 0;
};

// `producers` clients, each of which waits for its answer before it submits again: `batch` jobs at a time. One thread
// posts for all and takes the answers, as the daemon's does. `ending`: what is acknowledged has its end at once.
StoreRun durable(Store& store, std::size_t producers, std::size_t batch, bool ending = false) {
    std::vector<Clock::time_point> posted(producers);
    std::vector<double> latency;
    const auto submit = [&](std::size_t producer) {
        Enqueue request{producer, std::vector<NewJob>(batch)};
        for (NewJob& job : request.jobs) job.payload = payload;
        posted[producer] = Clock::now();
        store.post(WriteRequest(std::move(request)));
    };
    std::uint64_t jobs = 0;
    const auto begin = Clock::now();
    for (std::size_t producer = 0; producer < producers; ++producer) submit(producer);
    std::uint64_t ended = 0;
    for (std::size_t waiting = producers; waiting > 0 || (ending && ended < jobs);) {
        pollfd ready{store.answer_fd(), POLLIN, 0};
        ::poll(&ready, 1, 1000);
        const bool over = seconds_since(begin) > 4;
        for (const StoreAnswer& answer : store.take_answers()) {
            if (std::holds_alternative<Finished>(answer)) {
                ++ended;
                continue;
            }
            const auto* placed = std::get_if<Enqueued>(&answer);
            if (placed == nullptr || !placed->jobs) give_up("a submit failed");
            if (ending)
                for (const PlacedJob& job : *placed->jobs) store.post(WriteRequest(end_of(job.id)));
            latency.push_back(std::chrono::duration<double, std::milli>(Clock::now() - posted[placed->token]).count());
            jobs += placed->jobs->size();
            if (over)
                --waiting;
            else
                submit(placed->token);
        }
    }
    const double took = seconds_since(begin);
    std::ranges::sort(latency);
    return {static_cast<double>(jobs) / took, latency[latency.size() / 2], latency[latency.size() * 99 / 100]};
}

void print(const char* what, const StoreRun& run) {
    char more[100];
    std::snprintf(more, sizeof more, "acknowledged p50 %.2f ms, p99 %.2f ms", run.p50_ms, run.p99_ms);
    row(what, run.rate, more);
}

// The same submits and ends, first with nothing to forget, then while a million are past their retention.
void retention(const std::string& folder) {
    const auto store = open_store(folder + "/retention");
    print("submitted and ended: 64 producers, 1 job a submit", durable(*store, 64, 1, true));
    QueuePolicy short_lived;
    short_lived.retention = std::chrono::hours(1);
    store->declare_pool(JobPoolId{1}, "old", short_lived);
    std::size_t left = 1'000'000;
    for (std::size_t submitted = 0; left > 0;) {
        for (; submitted < 1'000'000 && store->has_room(); submitted += 1000) {
            Enqueue request{1, std::vector<NewJob>(1000)};
            for (NewJob& job : request.jobs) job = {.pool = JobPoolId{1}, .payload = payload};
            store->post(WriteRequest(std::move(request)));
        }
        pollfd ready{store->answer_fd(), POLLIN, 0};
        ::poll(&ready, 1, 1000);
        for (const StoreAnswer& answer : store->take_answers()) {
            if (const auto* placed = std::get_if<Enqueued>(&answer))
                for (const PlacedJob& job : *placed->jobs) store->post(WriteRequest(end_of(job.id)));
            else
                --left;
        }
    }
    store->post(WriteRequest(Expire{wall_now() + std::chrono::hours(2)}));
    print("the same while 1,000,000 are forgotten", durable(*store, 64, 1, true));
    const auto begin = Clock::now();
    for (bool empty = false; !empty;) {
        store->post(ReadRequest(ListJobs{.token = 1, .pool = JobPoolId{1}, .limit = 1}));
        pollfd ready{store->answer_fd(), POLLIN, 0};
        ::poll(&ready, 1, 1000);
        for (const StoreAnswer& answer : store->take_answers())
            if (const auto* listed = std::get_if<Listed>(&answer)) empty = listed->jobs->empty();
    }
    std::printf("the rest was forgotten in %.2f s\n", seconds_since(begin));
}

// Queued, dispatched, answered, finished: four events a job, in turns of `batch` events.
double scheduler_events(std::size_t batch) {
    Scheduler scheduler(1);
    JobEffects effects;
    JobPoolSpec spec;
    spec.queue.durability = Durability::memory;
    spec.prefetch = 64;
    MonotonicTime now{std::chrono::hours(1)};
    std::vector<JobEvent> events{PoolDeclared{JobPoolId{0}, std::make_shared<const JobPoolSpec>(spec)}};
    for (std::uint32_t slot = 0; slot < 16; ++slot)
        events.emplace_back(WorkerArrived{{JobPoolId{0}, Slot{slot}, Generation{1}}});
    scheduler.handle(events, now, effects);
    std::uint64_t id = 0;
    std::uint64_t count = 0;
    const auto begin = Clock::now();
    std::vector<JobEvent> next;
    while (seconds_since(begin) < 2) {
        next.clear();
        for (const JobEffect& effect : effects) {
            if (const auto* sent = std::get_if<Dispatch>(&effect))
                next.emplace_back(JobAnswered{sent->worker, sent->attempt, {}, {}, {}});
            if (const auto* end = std::get_if<Finish>(&effect)) next.emplace_back(FinishPersisted{end->job});
        }
        while (next.size() < batch)
            next.emplace_back(JobQueued{.job = JobId{++id}, .pool = JobPoolId{0}, .map = MapId{1 + id % 3}});
        effects.clear();
        now += Duration(10);
        scheduler.handle(next, now, effects);
        count += next.size();
    }
    return static_cast<double>(count) / seconds_since(begin);
}

void million(const std::string& folder) {
    const std::string path = folder + "/million";
    {
        auto opened = open_sqlite_store({.folder = path});
        if (!opened) give_up(opened.error().message);
        Store& store = **opened;
        store.declare_pool(JobPoolId{0}, "bench", QueuePolicy{});
        const auto begin = Clock::now();
        for (int i = 0; i < 200; ++i) {
            Enqueue request{1, std::vector<NewJob>(5000)};
            for (NewJob& job : request.jobs) job.payload = payload;
            store.post(WriteRequest(std::move(request)));
        }
        for (int answers = 0; answers < 200;) {
            pollfd ready{store.answer_fd(), POLLIN, 0};
            ::poll(&ready, 1, 1000);
            answers += static_cast<int>(store.take_answers().size());
        }
        row("1,000,000 jobs submitted, 5,000 at a time, jobs/s", 1e6 / seconds_since(begin));
    }
    const auto begin = Clock::now();
    auto opened = open_sqlite_store({.folder = path, .nonce = 1});
    if (!opened) give_up(opened.error().message);
    (*opened)->declare_pool(JobPoolId{0}, "bench", QueuePolicy{});
    Scheduler scheduler(1);
    JobEffects effects;
    const std::vector<JobEvent> pool{PoolDeclared{JobPoolId{0}, std::make_shared<const JobPoolSpec>()}};
    scheduler.handle(pool, MonotonicTime{}, effects);
    std::vector<JobEvent> events;
    const auto done = (*opened)->recover(
        std::nullopt, {.queue = [](const RecoveredQueue&) {},
                       .map = [](const RecoveredMap&) {},
                       .job =
                           [&](const RecoveredJob& job) {
                               events.emplace_back(JobQueued{.job = job.job, .pool = job.pool, .size = job.size});
                               if (events.size() < 1000) return;
                               scheduler.handle(events, MonotonicTime{}, effects);
                               events.clear();
                           }});
    if (!done) give_up(done.error().message);
    const double took = seconds_since(begin);
    const auto view = scheduler.snapshot();
    char more[100];
    std::snprintf(more, sizeof more, "%.2f s for %llu jobs, %.1f bytes each in memory", took,
                  static_cast<unsigned long long>(view.jobs),
                  static_cast<double>(view.memory_bytes) / static_cast<double>(view.jobs));
    row("start: store opened, jobs read and queued, jobs/s", static_cast<double>(view.jobs) / took, more);
}

}  // namespace

int main(int argc, char** argv) {
    std::string folder = std::string(argc > 1 ? argv[1] : "/var/tmp") + "/pinion-bench-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) give_up("no folder " + folder);
    std::printf("| %-58s | %12s | |\n|---|---|---|\n", "what", "per second");
    row("bare: write 4 KiB and fdatasync", bare_fdatasync(folder));
    row("bare SQLite: one job a transaction", bare_sqlite(folder, 1));
    row("bare SQLite: 64 jobs a transaction", bare_sqlite(folder, 64));
    row("bare SQLite: 1000 jobs a transaction", bare_sqlite(folder, 1000));
    for (const auto& [producers, batch] : {std::pair<std::size_t, std::size_t>{1, 1}, {64, 1}, {4, 500}}) {
        const auto store = open_store(folder + "/store-" + std::to_string(producers) + "-" + std::to_string(batch));
        char what[100];
        std::snprintf(what, sizeof what, "durable: %zu producers, %zu jobs a submit", producers, batch);
        print(what, durable(*store, producers, batch));
    }
    retention(folder);
    million(folder);
    row("scheduler: events, 100 a turn", scheduler_events(100));
    row("scheduler: events, 1000 a turn", scheduler_events(1000));
    std::filesystem::remove_all(folder);
    return 0;
}
