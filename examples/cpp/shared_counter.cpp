// SPDX-License-Identifier: Apache-2.0
// Four processes count in one number, under a lock.
#include <pinion/lock.h>
#include <pinion/process.h>
#include <pinion/shared_memory.h>

#include <iostream>
#include <mutex>
#include <vector>

int main() {
    pinion::SharedValue<long> counter(0);
    pinion::Lock lock;

    std::vector<pinion::Process> processes;
    for (int i = 0; i < 4; ++i)
        processes.emplace_back([&] {
            for (int n = 0; n < 1000; ++n) {
                const std::lock_guard guard(lock);
                ++*counter;
            }
        });
    for (auto& process : processes) process.join();
    std::cout << *counter << '\n';
}
