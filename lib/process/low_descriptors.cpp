// SPDX-License-Identifier: Apache-2.0
#include "process/low_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "process/child_steps.h"

namespace pinion::process {

LowDescriptors& LowDescriptors::of_this_process() {
    static LowDescriptors descriptors;
    return descriptors;
}

bool LowDescriptors::reserve() noexcept {
    if (!null_) null_ = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null_) return false;
    for (auto& lane : slots_) {
        for (UniqueFd& slot : lane) {
            if (slot) continue;
            UniqueFd taken(::fcntl(null_.fd(), F_DUPFD_CLOEXEC, 3));
            if (!taken || taken.fd() >= first_dropped_fd) return false;
            slot = std::move(taken);
        }
    }
    return true;
}

int LowDescriptors::Staged::stage(std::array<int, 3>& fds, int& failed) noexcept {
    for (std::size_t i = 0; i < fds.size(); ++i) {
        if (fds[i] < first_dropped_fd) continue;
        const int slot = owner_.slots_[lane_][i].fd();
        if (::dup3(fds[i], slot, O_CLOEXEC) < 0) {
            failed = static_cast<int>(i);
            return errno;
        }
        used_[i] = true;
        fds[i] = slot;
    }
    return 0;
}

LowDescriptors::Staged::~Staged() {
    // A slot that kept a pipe's end would hide its end of file.
    for (std::size_t i = 0; i < used_.size(); ++i)
        if (used_[i]) ::dup3(owner_.null_.fd(), owner_.slots_[lane_][i].fd(), O_CLOEXEC);
}

}  // namespace pinion::process
