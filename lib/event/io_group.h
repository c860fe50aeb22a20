// SPDX-License-Identifier: Apache-2.0
// Many descriptors behind one source of the loop. sd-event looks at all that are ready again before it serves the next
// one, which costs more the more there are; a group looks once and serves them in turn, for as long as its budget
// lasts.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "event/loop.h"

namespace pinion::event {

// Movable; must outlive its members.
class IoGroup {
public:
    // A registered descriptor. Destroying it unregisters it; safe inside its own callback and inside another's.
    // Default: none.
    class Member {
    public:
        struct State;
        Member() noexcept;
        explicit Member(std::shared_ptr<State> state) noexcept;
        Member(Member&&) noexcept;
        Member& operator=(Member&&) noexcept;
        ~Member();

        // A new mask of EPOLL… events.
        void watch(std::uint32_t events);

    private:
        void leave() noexcept;
        std::shared_ptr<State> state_;
    };

    // None, until one that was made is moved into it.
    IoGroup() noexcept;
    [[nodiscard]] static Result<IoGroup> make(Loop& loop, Priority priority);
    IoGroup(IoGroup&&) noexcept;
    IoGroup& operator=(IoGroup&&) noexcept;
    ~IoGroup();

    // Calls back with the EPOLL… events that are ready. The fd stays the caller's and must outlive the member.
    [[nodiscard]] Result<Member> add(int fd, std::uint32_t events,
                                     std::move_only_function<void(std::uint32_t)> callback);

private:
    struct State;
    explicit IoGroup(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace pinion::event
