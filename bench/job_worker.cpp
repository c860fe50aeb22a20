// SPDX-License-Identifier: Apache-2.0
// The C++ worker of the benchmarks of job pools: gives each input back. With a FIFO in argv[1] it does not answer the
// first attempt at the input "hold", but says who has it and since when (its pid and CLOCK_MONOTONIC, 16 bytes), and
// waits to be killed; the second attempt says the same, and is answered.
#include <fcntl.h>
#include <pinion/job_worker.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>

namespace {

void tell(int fifo) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t record[2] = {::getpid(), now.tv_sec * 1'000'000'000 + now.tv_nsec};
    if (::write(fifo, record, sizeof record) != sizeof record) std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
    const int fifo = argc > 1 ? ::open(argv[1], O_WRONLY | O_CLOEXEC) : -1;
    if (argc > 1 && fifo < 0) return 1;
    return pinion::JobWorker().run([fifo](const pinion::Job& job) {
        if (fifo >= 0 && job.input() == "\"hold\"") {
            tell(fifo);
            while (job.attempt() == 1) ::pause();
        }
        return std::string(job.input());
    });
}
