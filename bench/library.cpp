// SPDX-License-Identifier: Apache-2.0
// libpinion beside the barest loops that do the same, each as an operation count a second on standard output.
//
//   bench_library pool|submit|pipes|futexes|queue|pipe COUNT
#include <linux/futex.h>
#include <pinion/pinion.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

namespace {

constexpr int workers = 2;

int twice(int value) { return 2 * value; }

std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

void fail(const char* what) {
    std::cerr << what << '\n';
    std::exit(1);
}

// Time begins when the workers work.
template <class Work>
double rate(int count, Work work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return count / std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double pool(int count) {
    pinion::Pool workers_of_pool(workers);
    workers_of_pool.map(twice, numbers(10));
    const auto inputs = numbers(count);
    return rate(count, [&] {
        if (workers_of_pool.map(twice, inputs).back() != 2 * (count - 1)) fail("wrong result");
    });
}

// One task at a time, there and back.
double submit(int count) {
    pinion::Pool one(1);
    one.map(twice, numbers(10));
    return rate(count, [&] {
        for (int i = 0; i < count; ++i)
            if (one.submit(twice, i).get() != 2 * i) fail("wrong result");
    });
}

struct Ends {
    int there[2];
    int back[2];
};

// Every worker has one number at a time, by pipes.
double pipes(int count) {
    std::vector<Ends> ends(workers);
    std::vector<pinion::Process> processes;
    for (Ends& each : ends) {
        if (::pipe(each.there) != 0 || ::pipe(each.back) != 0) fail("no pipe");
        processes.emplace_back([&each] {
            int value = 0;
            while (::read(each.there[0], &value, sizeof value) == sizeof value) {
                value = twice(value);
                if (::write(each.back[1], &value, sizeof value) != sizeof value) return 1;
            }
            return 0;
        });
    }
    return rate(count, [&] {
        std::vector<pollfd> fds;
        int given = 0;
        const auto give = [&](const Ends& each) {
            if (given < count && ::write(each.there[1], &given, sizeof given) == sizeof given) ++given;
        };
        for (const Ends& each : ends) {
            fds.push_back({each.back[0], POLLIN, 0});
            give(each);
        }
        for (int taken = 0; taken < count;) {
            ::poll(fds.data(), fds.size(), -1);
            for (std::size_t i = 0; i < fds.size(); ++i) {
                int value = 0;
                if (fds[i].revents == 0 || ::read(fds[i].fd, &value, sizeof value) != sizeof value) continue;
                ++taken;
                give(ends[i]);
            }
        }
    });
}

void wait_while(std::atomic<int>& word, int value) {
    while (word.load() == value) ::syscall(SYS_futex, &word, FUTEX_WAIT, value, nullptr, nullptr, 0);
}
void set(std::atomic<int>& word, int value) {
    word.store(value);
    ::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

// One number there and back at a time, by a futex.
double futexes(int count) {
    pinion::SharedArray<std::atomic<int>> words(2);
    pinion::Process process([&] {
        for (int i = 0; i < count; ++i) {
            wait_while(words[0], i);
            set(words[1], i + 1);
        }
    });
    return rate(count, [&] {
        for (int i = 0; i < count; ++i) {
            set(words[0], i + 1);
            wait_while(words[1], i);
        }
    });
}

double queue(int count) {
    pinion::Queue<int> numbers_to_come(1000);
    pinion::Process producer([&] {
        for (int i = 0; i < count; ++i) numbers_to_come.put(i);
    });
    return rate(count, [&] {
        for (int i = 0; i < count; ++i)
            if (numbers_to_come.get() != i) fail("wrong element");
    });
}

double pipe_of_numbers(int count) {
    int ends[2];
    if (::pipe(ends) != 0) fail("no pipe");
    pinion::Process producer([&] {
        for (int i = 0; i < count; ++i)
            if (::write(ends[1], &i, sizeof i) != sizeof i) return 1;
        return 0;
    });
    return rate(count, [&] {
        for (int i = 0, value = 0; i < count; ++i)
            if (::read(ends[0], &value, sizeof value) != sizeof value || value != i) fail("wrong element");
    });
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc == 3 ? argv[1] : "";
    const int count = argc == 3 ? std::atoi(argv[2]) : 0;
    if (count <= 0) fail("usage: bench_library pool|submit|pipes|futexes|queue|pipe COUNT");
    const double result = what == "pool"      ? pool(count)
                          : what == "submit"  ? submit(count)
                          : what == "pipes"   ? pipes(count)
                          : what == "futexes" ? futexes(count)
                          : what == "queue"   ? queue(count)
                          : what == "pipe"    ? pipe_of_numbers(count)
                                              : 0;
    if (result == 0) fail("no such measurement");
    std::cout << static_cast<long>(result) << '\n';
}
