// SPDX-License-Identifier: Apache-2.0
#include "event/io_group.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/fd.h"

namespace pinion::event {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

// Readable at once and for ever.
Pipe full_pipe() {
    auto pipe = make_pipe(O_NONBLOCK).value();
    EXPECT_TRUE(write_all(pipe.write.fd(), "x"));
    return pipe;
}

class Group : public ::testing::Test {
protected:
    Loop loop = Loop::make().value();
    IoGroup group = IoGroup::make(loop, Priority::commands).value();
    std::vector<int> seen;
};

TEST_F(Group, ServesAllThatAreReadyInOneTurn) {
    const Pipe pipes[] = {full_pipe(), full_pipe(), full_pipe(), make_pipe(O_NONBLOCK).value()};
    std::vector<IoGroup::Member> members;
    for (int i = 0; i < 4; ++i)
        members.push_back(group
                              .add(pipes[i].read.fd(), EPOLLIN,
                                   [this, i](std::uint32_t events) {
                                       EXPECT_EQ(events, std::uint32_t{EPOLLIN});
                                       seen.push_back(i);
                                       loop.exit(0);  // after this turn
                                   })
                              .value());
    EXPECT_EQ(loop.run().value(), 0);
    EXPECT_THAT(seen, UnorderedElementsAre(0, 1, 2));
}

TEST_F(Group, AMemberMayLetItselfAndOthersGo) {
    const Pipe pipes[] = {full_pipe(), full_pipe(), full_pipe()};
    std::vector<std::optional<IoGroup::Member>> members(3);
    for (int i = 0; i < 3; ++i)
        members[static_cast<std::size_t>(i)] = group
                                                   .add(pipes[i].read.fd(), EPOLLIN,
                                                        [this, &members, held = std::vector{i}](std::uint32_t) {
                                                            for (auto& member : members) member.reset();
                                                            seen.push_back(held.front());
                                                            loop.exit(0);
                                                        })
                                                   .value();
    EXPECT_EQ(loop.run().value(), 0);
    EXPECT_EQ(seen.size(), 1U) << "whoever was served first let the others go";
}

TEST_F(Group, WatchesWhatItIsTold) {
    const Pipe first = full_pipe();
    const Pipe second = full_pipe();
    auto quiet = group.add(first.read.fd(), EPOLLIN, [&](std::uint32_t) { seen.push_back(1); }).value();
    quiet.watch(0);
    auto loud = group
                    .add(second.read.fd(), 0,
                         [&](std::uint32_t) {
                             seen.push_back(2);
                             loop.exit(0);
                         })
                    .value();
    auto moved = std::move(loud);
    moved.watch(EPOLLIN);
    EXPECT_EQ(loop.run().value(), 0);
    EXPECT_THAT(seen, ElementsAre(2));
}

TEST_F(Group, MoreThanOneLookHoldsAreAllServed) {
    std::vector<Pipe> pipes;
    std::vector<IoGroup::Member> members;
    for (int i = 0; i < 200; ++i) {
        pipes.push_back(full_pipe());
        members.push_back(group
                              .add(pipes.back().read.fd(), EPOLLIN,
                                   [this, i, fd = pipes.back().read.fd()](std::uint32_t) {
                                       char byte = 0;
                                       EXPECT_EQ(::read(fd, &byte, 1), 1);
                                       seen.push_back(i);
                                       if (seen.size() == 200) loop.exit(0);
                                   })
                              .value());
    }
    EXPECT_EQ(loop.run().value(), 0);
    EXPECT_EQ(seen.size(), 200U);
}

TEST_F(Group, ADescriptorThatCanNotBeWatchedIsAnError) {
    const auto member = group.add(-1, EPOLLIN, [](std::uint32_t) {});
    ASSERT_FALSE(member.has_value());
    EXPECT_EQ(member.error().message, "watch a descriptor: bad file descriptor");
}

}  // namespace
}  // namespace pinion::event
