// SPDX-License-Identifier: Apache-2.0
#include "process/spawn_window.h"

#include <utility>

#include "base/check.h"
#include "process/birth.h"
#include "process/spawn_methods.h"

namespace pinion::process {
namespace {

// The child's steps are a dozen small frames; no signal handler runs on it.
constexpr std::size_t stack_bytes = 16 * 1024;

// The kernel takes the score of a child that shares our memory for ours too, unless we sleep until its exec.
bool may_overlap(const ChildImage& image) noexcept { return image.oom_score_adj == nullptr; }

}  // namespace

struct SpawnWindow::Lane {
    const ChildImage* image = nullptr;
    int cgroup_fd = -1;
    std::optional<Birth> birth;  // on its way
    std::optional<SpawnResult> result;
    alignas(16) std::byte stack[stack_bytes];
};

SpawnWindow::SpawnWindow(Duration patience) : patience_(patience), lanes_(new Lane[LowDescriptors::lanes]) {}

SpawnWindow::~SpawnWindow() {
    while (!empty()) static_cast<void>(finish());
}

bool SpawnWindow::full() const noexcept { return count_ == LowDescriptors::lanes; }

SpawnWindow::Lane& SpawnWindow::lane(std::size_t index) noexcept { return lanes_[index % LowDescriptors::lanes]; }

void SpawnWindow::settle() noexcept {
    for (std::size_t i = first_; i < first_ + count_; ++i)
        if (lane(i).birth) lane(i).birth->settle();
    dumpable_.reset();
}

void SpawnWindow::begin(const ChildImage& image, int cgroup_fd) {
    ASSERT(!full());
    const std::size_t index = (first_ + count_) % LowDescriptors::lanes;
    Lane& next = lanes_[index];
    next.image = &image;
    next.cgroup_fd = cgroup_fd;
    ++count_;
    if (!may_overlap(image)) {
        settle();
        next.result = spawn(image, cgroup_fd);
        return;
    }
    if (image.change_identity && !dumpable_) dumpable_.emplace(true);
    next.birth.emplace(index, patience_);
    next.birth->begin(image, cgroup_fd, next.stack);
}

std::expected<Child, SpawnFailure> SpawnWindow::finish() {
    ASSERT(!empty());
    Lane& oldest = lanes_[first_];
    if (!oldest.result) {
        oldest.result = oldest.birth->await();
        if (!oldest.result) {
            settle();
            oldest.result = spawn_by_vfork(*oldest.image, oldest.cgroup_fd);
        }
    }
    SpawnResult result = *std::exchange(oldest.result, std::nullopt);
    oldest.birth.reset();
    first_ = (first_ + 1) % LowDescriptors::lanes;
    --count_;
    if (empty()) dumpable_.reset();
    return result;
}

}  // namespace pinion::process
