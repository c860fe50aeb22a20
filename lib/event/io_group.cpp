// SPDX-License-Identifier: Apache-2.0
#include "event/io_group.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "base/fd.h"

namespace pinion::event {
namespace {

using namespace std::chrono_literals;

// Who is left is ready still, and comes first the next time: the kernel tells of them in turn.
constexpr Duration budget = 500us;
constexpr std::size_t looked_at_once = 64;

}  // namespace

struct IoGroup::State {
    UniqueFd epoll;
    Source source;
    std::array<epoll_event, looked_at_once> ready{};
    std::size_t next = 0, count = 0;  // of `ready`: those that are to be served yet

    void serve();
    void forget(const Member::State* member) noexcept;
};

struct IoGroup::Member::State : std::enable_shared_from_this<State> {
    IoGroup::State* group = nullptr;
    int fd = -1;
    std::move_only_function<void(std::uint32_t)> callback;
};

void IoGroup::State::serve() {
    const int found = ::epoll_wait(epoll.fd(), ready.data(), static_cast<int>(ready.size()), 0);
    if (found <= 0) return;
    next = 0;
    count = static_cast<std::size_t>(found);
    const auto until = MonotonicClock::now() + budget;
    while (next < count) {
        const epoll_event event = ready[next++];
        if (event.data.ptr == nullptr) continue;
        // Its owner may let it go from within.
        const auto member = static_cast<Member::State*>(event.data.ptr)->shared_from_this();
        member->callback(event.events);
        if (MonotonicClock::now() >= until) break;
    }
    next = count = 0;
}

void IoGroup::State::forget(const Member::State* member) noexcept {
    for (auto& event : std::span(ready).subspan(next, count - next))
        if (event.data.ptr == member) event.data.ptr = nullptr;
}

IoGroup::Member::Member() noexcept = default;
IoGroup::Member::Member(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
IoGroup::Member::Member(Member&&) noexcept = default;
IoGroup::Member& IoGroup::Member::operator=(Member&& other) noexcept {
    if (this == &other) return *this;
    leave();
    state_ = std::move(other.state_);
    return *this;
}
IoGroup::Member::~Member() { leave(); }

void IoGroup::Member::leave() noexcept {
    if (state_ == nullptr) return;
    ::epoll_ctl(state_->group->epoll.fd(), EPOLL_CTL_DEL, state_->fd, nullptr);
    state_->group->forget(state_.get());
    state_.reset();
}

void IoGroup::Member::watch(std::uint32_t events) {
    if (state_ == nullptr) return;
    epoll_event event{.events = events, .data = {.ptr = state_.get()}};
    ::epoll_ctl(state_->group->epoll.fd(), EPOLL_CTL_MOD, state_->fd, &event);
}

IoGroup::IoGroup() noexcept = default;
IoGroup::IoGroup(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
IoGroup::IoGroup(IoGroup&&) noexcept = default;
IoGroup& IoGroup::operator=(IoGroup&&) noexcept = default;
IoGroup::~IoGroup() = default;

Result<IoGroup> IoGroup::make(Loop& loop, Priority priority) {
    auto state = std::make_unique<State>();
    state->epoll = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
    if (!state->epoll) return fail_errno(errno, "make an epoll descriptor");
    PINION_TRY(source, loop.add_io(state->epoll.fd(), EPOLLIN, priority,
                                   [state = state.get()](std::uint32_t) { state->serve(); }));
    state->source = std::move(source);
    return IoGroup(std::move(state));
}

Result<IoGroup::Member> IoGroup::add(int fd, std::uint32_t events,
                                     std::move_only_function<void(std::uint32_t)> callback) {
    auto member = std::make_shared<Member::State>();
    member->group = state_.get();
    member->fd = fd;
    member->callback = std::move(callback);
    epoll_event event{.events = events, .data = {.ptr = member.get()}};
    if (::epoll_ctl(state_->epoll.fd(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno(errno, "watch a descriptor");
    return Member(std::move(member));
}

}  // namespace pinion::event
