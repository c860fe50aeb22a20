// SPDX-License-Identifier: Apache-2.0
// A function on every element of a list, by workers on all CPUs; and what happens to a task whose worker dies.
#include <pinion/pool.h>

#include <csignal>
#include <iostream>
#include <vector>

int twice(int number) { return 2 * number; }

int main() {
    pinion::Pool pool;
    const std::vector<int> numbers{1, 2, 3, 4, 5};
    for (const int value : pool.map(twice, numbers)) std::cout << value << ' ';
    std::cout << '\n';

    const auto fragile = [](int number) {
        if (number == 3) std::raise(SIGKILL);
        return twice(number);
    };
    for (const auto& outcome : pool.try_map(fragile, numbers)) {
        try {
            std::cout << outcome.value() << ' ';
        } catch (const pinion::Failure& failure) {
            std::cout << '(' << failure.what() << ") ";
        }
    }
    std::cout << '\n';
}
