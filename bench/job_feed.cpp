// SPDX-License-Identifier: Apache-2.0
// The clients of the benchmarks of job pools, by libpinion. Prints numbers on one line.
//
//     bench_job_feed map SOCKET POOL COUNT         results a second
//     bench_job_feed flow SOCKET POOL SECONDS      the same for a time
//     bench_job_feed submits SOCKET POOL CLIENTS BATCH SECONDS
//                                                  jobs acknowledged a second; p50 and p99 of the wait, ms
//     bench_job_feed fill SOCKET POOL COUNT        jobs acknowledged a second, 5000 a submit
//     bench_job_feed holds SOCKET POOL ROUNDS FIFO alone|busy
//                                                  p50, p99 and worst, ms, from the SIGKILL of a worker to its job's
//                                                  second attempt; other jobs meanwhile, how many of them were tried
//                                                  twice; beside it p50 and p99, ms, from the SIGKILL of a process
//                                                  that sleeps until whoever waits for its end knows of it
#include <fcntl.h>
#include <pinion/job_client.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double percentile(std::vector<double>& sorted, double share) {
    std::ranges::sort(sorted);
    return sorted.at(std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size()))));
}

struct Target {
    std::string socket;
    std::string pool;
};

struct Mapped {
    std::uint64_t results = 0;
    std::uint64_t again = 0;  // not with the first attempt
    double seconds = 0;
};

// A map of numbers, as long as `more` says so of the number given.
template <class More>
Mapped map(const Target& target, More&& more) {
    auto client = pinion::JobClient::connect(target.socket);
    Mapped mapped;
    std::uint64_t given = 0;
    const auto begin = Clock::now();
    client.map(
        target.pool, [&] { return more(given) ? std::optional(std::to_string(given++)) : std::nullopt; },
        [&](const pinion::JobResult& result) {
            ++mapped.results;
            if (!result.ok() || result.attempts != 1) ++mapped.again;
        });
    mapped.seconds = seconds_since(begin);
    return mapped;
}

void run_map(const Target& target, std::uint64_t count) {
    const Mapped mapped = map(target, [count](std::uint64_t given) { return given < count; });
    std::printf("%.0f\n", static_cast<double>(mapped.results) / mapped.seconds);
}

void run_flow(const Target& target, double seconds) {
    const auto begin = Clock::now();
    const Mapped mapped = map(target, [&](std::uint64_t) { return seconds_since(begin) < seconds; });
    std::printf("%.0f\n", static_cast<double>(mapped.results) / mapped.seconds);
}

std::vector<std::string> inputs_of(std::size_t count) {
    std::vector<std::string> inputs(count);
    for (std::size_t i = 0; i < count; ++i)
        inputs[i] = R"({"path":"/srv/pictures/2026/a.jpg","width":)" + std::to_string(i) + "}";
    return inputs;
}

// Each client waits for its answer before it submits again.
void run_submits(const Target& target, std::size_t clients, std::size_t batch, double seconds) {
    const auto inputs = inputs_of(batch);
    std::vector<std::vector<double>> waits(clients);
    std::atomic<std::size_t> connected{0};
    std::vector<std::thread> threads;
    threads.reserve(clients);
    const auto submit = [&](std::vector<double>& own) {
        auto client = pinion::JobClient::connect(target.socket);
        ++connected;
        while (connected < clients) std::this_thread::yield();
        for (const auto begin = Clock::now(); seconds_since(begin) < seconds;) {
            const auto posted = Clock::now();
            static_cast<void>(client.submit(target.pool, inputs));
            own.push_back(seconds_since(posted) * 1e3);
        }
    };
    for (auto& own : waits) threads.emplace_back(submit, std::ref(own));
    for (auto& thread : threads) thread.join();
    std::vector<double> all;
    for (const auto& own : waits) all.insert(all.end(), own.begin(), own.end());
    std::printf("%.0f %.3f %.3f\n", static_cast<double>(all.size() * batch) / seconds, percentile(all, 0.5),
                percentile(all, 0.99));
}

void run_fill(const Target& target, std::size_t count) {
    constexpr std::size_t batch = 5000;
    auto client = pinion::JobClient::connect(target.socket);
    const auto begin = Clock::now();
    for (std::size_t done = 0; done < count; done += batch)
        static_cast<void>(client.submit(target.pool, inputs_of(std::min(batch, count - done))));
    std::printf("%.0f\n", static_cast<double>(count) / seconds_since(begin));
}

struct Told {
    std::int64_t pid = 0;
    std::int64_t nanoseconds = 0;
};

Told read_record(int fifo) {
    Told told;
    if (::read(fifo, &told, sizeof told) != sizeof told) throw std::runtime_error("read from the FIFO");
    return told;
}

// How long the kernel takes, in ms, to end a process that sleeps and to tell us.
double bare_kill() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("make a pipe");
    const pid_t victim = ::fork();
    if (victim < 0) throw std::runtime_error("fork");
    if (victim == 0) {
        if (::write(ends[1], "", 1) != 1) ::_exit(1);
        for (;;) ::pause();
    }
    char sleeps = 0;
    const bool told = ::read(ends[0], &sleeps, 1) == 1;
    ::close(ends[0]);
    ::close(ends[1]);
    pollfd death{.fd = static_cast<int>(::syscall(SYS_pidfd_open, victim, 0)), .events = POLLIN, .revents = 0};
    const auto begin = Clock::now();
    ::kill(victim, SIGKILL);
    if (!told || death.fd < 0 || ::poll(&death, 1, -1) != 1) throw std::runtime_error("wait for a death");
    const double took = seconds_since(begin) * 1e3;
    ::waitpid(victim, nullptr, 0);
    ::close(death.fd);
    return took;
}

// With `busy`, a map keeps the pool at its full rate meanwhile.
void run_holds(const Target& target, std::size_t rounds, const char* path, bool busy) {
    const int fifo = ::open(path, O_RDWR | O_CLOEXEC);
    if (fifo < 0) throw std::runtime_error("open the FIFO");
    std::atomic<bool> over{false};
    Mapped others;
    std::thread load([&] {
        if (busy) others = map(target, [&](std::uint64_t) { return !over; });
    });
    auto client = pinion::JobClient::connect(target.socket);
    std::vector<double> waits, bare;
    for (std::size_t round = 0; round < rounds; ++round) {
        bare.push_back(bare_kill());
        const auto job = client.submit(target.pool, {R"("hold")"}).ids.at(0);
        const Told first = read_record(fifo);
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        ::kill(static_cast<pid_t>(first.pid), SIGKILL);
        const Told second = read_record(fifo);
        waits.push_back(static_cast<double>(second.nanoseconds - now.tv_sec * 1'000'000'000 - now.tv_nsec) / 1e6);
        if (client.result(job).attempts != 2) throw std::runtime_error("a job was not tried twice");
    }
    over = true;
    load.join();
    std::printf("%.3f %.3f %.3f %llu %llu %.3f %.3f\n", percentile(waits, 0.5), percentile(waits, 0.99),
                percentile(waits, 1), static_cast<unsigned long long>(others.results),
                static_cast<unsigned long long>(others.again), percentile(bare, 0.5), percentile(bare, 0.99));
}

int run(int argc, char** argv) {
    if (argc < 5) return 2;
    const std::string_view what = argv[1];
    const Target target{argv[2], argv[3]};
    const auto count = std::strtoull(argv[4], nullptr, 10);
    if (what == "map" && argc == 5)
        run_map(target, count);
    else if (what == "flow" && argc == 5)
        run_flow(target, std::atof(argv[4]));
    else if (what == "submits" && argc == 7)
        run_submits(target, count, std::strtoull(argv[5], nullptr, 10), std::atof(argv[6]));
    else if (what == "fill" && argc == 5)
        run_fill(target, count);
    else if (what == "holds" && argc == 7)
        run_holds(target, count, argv[5], std::string_view(argv[6]) == "busy");
    else
        return 2;
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_job_feed: %s\n", error.what());
        return 1;
    }
}
