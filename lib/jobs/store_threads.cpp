// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_threads.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <iterator>

namespace pinion::jobs {

Result<void> AnswerBox::open() {
    event_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event_) return fail_last("make an eventfd for the store");
    return {};
}

void AnswerBox::put(std::vector<StoreAnswer> answers) {
    if (answers.empty()) return;
    bool first = false;
    {
        const std::scoped_lock lock(mutex_);
        first = answers_.empty();
        answers_.insert(answers_.end(), std::make_move_iterator(answers.begin()),
                        std::make_move_iterator(answers.end()));
    }
    // One wake-up is enough for all that come before they are taken. The counter can't overflow.
    if (first) (void)::eventfd_write(event_.fd(), 1);
}

void AnswerBox::put(StoreAnswer answer) {
    std::vector<StoreAnswer> one;
    one.push_back(std::move(answer));
    put(std::move(one));
}

std::vector<StoreAnswer> AnswerBox::take() {
    eventfd_t count = 0;
    (void)::eventfd_read(event_.fd(), &count);
    const std::scoped_lock lock(mutex_);
    return std::exchange(answers_, {});
}

}  // namespace pinion::jobs
