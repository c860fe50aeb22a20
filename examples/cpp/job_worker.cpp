// SPDX-License-Identifier: Apache-2.0
// The worker of a job pool: counts the primes below each number that it is given. ../jobs/primes-cpp.yaml runs it.
#include <pinion/job_worker.h>

#include <charconv>
#include <cstddef>
#include <string>
#include <vector>

std::size_t primes_below(std::size_t limit) {
    std::vector<bool> composite(limit);
    std::size_t count = 0;
    for (std::size_t n = 2; n < limit; ++n) {
        if (composite[n]) continue;
        ++count;
        for (std::size_t multiple = n * n; multiple < limit; multiple += n) composite[multiple] = true;
    }
    return count;
}

int main() {
    return pinion::JobWorker().run([](const pinion::Job& job) {
        std::size_t limit = 0;
        const auto input = job.input();
        const auto [end, error] = std::from_chars(input.data(), input.data() + input.size(), limit);
        if (error != std::errc{} || end != input.data() + input.size() || limit > 100'000'000)
            throw pinion::JobError("input", "not a number from 0 to 100000000").retry(false);
        return std::to_string(primes_below(limit));
    });
}
