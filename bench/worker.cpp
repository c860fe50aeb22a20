// SPDX-License-Identifier: Apache-2.0
// The worker of the benchmarks: says when it began (its pid and CLOCK_MONOTONIC, 16 bytes to the FIFO in argv[1]), then
// sleeps for ever.
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>

int main(int, char** argv) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t record[2] = {::getpid(), now.tv_sec * 1'000'000'000 + now.tv_nsec};
    const int fifo = ::open(argv[1], O_WRONLY | O_CLOEXEC);
    if (fifo < 0 || ::write(fifo, record, sizeof record) != sizeof record) return 1;
    ::close(fifo);
    for (;;) ::pause();
}
