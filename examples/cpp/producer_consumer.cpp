// SPDX-License-Identifier: Apache-2.0
// One process fills a queue with lines, two empty it and say how many letters they saw.
#include <pinion/process.h>
#include <pinion/queue.h>

#include <iostream>
#include <string>

int main() {
    pinion::Queue<std::string> lines(10);
    pinion::Queue<std::size_t> counts(10);

    pinion::Process producer([&] {
        for (int i = 1; i <= 100; ++i) lines.put(std::string(static_cast<std::size_t>(i), 'x'));
        lines.close();
    });
    const auto consume = [&] {
        std::size_t letters = 0;
        while (const auto line = lines.get()) letters += line->size();
        counts.put(letters);
    };
    pinion::Process first(consume);
    pinion::Process second(consume);
    producer.join();
    first.join();
    second.join();
    std::cout << *counts.get() + *counts.get() << " letters\n";
}
