// SPDX-License-Identifier: Apache-2.0
#include "pinion/worker.h"

#include <pinion/batch.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace pinion::inline v0 {
namespace {

constexpr std::size_t longest_error = 1500;  // fits into the smallest room

// Leaves a mark and what the task wrote in the room, or the mark of a failure and its text.
std::size_t run_task(std::string_view task, std::span<std::byte> room) {
    Writer out(room);
    try {
        Reader in(task);
        const auto call = std::bit_cast<detail::TaskCall>(decode<std::uintptr_t>(in));
        encode(true, out);
        call(in, out);
    } catch (...) {
        auto caught = detail::describe_exception();
        out.truncate(0);
        encode(false, out);
        encode(caught.type.substr(0, longest_error), out);
        encode(caught.text.substr(0, longest_error), out);
    }
    return out.size();
}

void wake_dispatcher(int fd) noexcept {
    const std::uint64_t one = 1;
    while (::write(fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

}  // namespace

int run_worker(TaskTable& table, const WorkerSetup& setup) {
    ::pthread_sigmask(SIG_SETMASK, &setup.signals, nullptr);
    if (setup.initializer) setup.initializer();
    table.set_begun(setup.number);
    std::string task;
    std::uint64_t done = 0;
    while (const auto slot = table.claim(setup.number)) {
        const auto room = table.room(*slot);
        // A copy, since the result is written where the task is read.
        task.assign(reinterpret_cast<const char*>(room.data()), table.length(*slot));
        const std::size_t length = run_task(task, room);
        if (table.finish(setup.number, *slot, length)) wake_dispatcher(setup.wake_fd);
        if (++done == setup.max_tasks) break;
        if (task.capacity() > std::size_t{1} << 20) std::string().swap(task);
    }
    return 0;
}

}  // namespace pinion::inline v0
