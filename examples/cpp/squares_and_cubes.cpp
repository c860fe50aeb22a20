// SPDX-License-Identifier: Apache-2.0
// Two processes at once, each with a list of its own, their results in memory that all share.
#include <pinion/process.h>
#include <pinion/shared_memory.h>

#include <iostream>

int main() {
    constexpr int count = 5;
    pinion::SharedArray<int> squares(count);
    pinion::SharedArray<int> cubes(count);

    pinion::Process squaring([&] {
        for (int i = 0; i < count; ++i) squares[i] = i * i;
    });
    pinion::Process cubing([&] {
        for (int i = 0; i < count; ++i) cubes[i] = i * i * i;
    });
    if (!squaring.join().succeeded() || !cubing.join().succeeded()) return 1;

    std::cout << "squares:";
    for (const int value : squares) std::cout << ' ' << value;
    std::cout << "\ncubes:";
    for (const int value : cubes) std::cout << ' ' << value;
    std::cout << '\n';
}
