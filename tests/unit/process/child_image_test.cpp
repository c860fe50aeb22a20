// SPDX-License-Identifier: Apache-2.0
#include "process/child_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <unistd.h>

#include "harness.h"
#include "model/limits.h"

namespace pinion::process {
namespace {

using test::image_of;
using test::spec_of;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> list(const char* const* strings) {
    std::vector<std::string> result;
    for (; *strings != nullptr; ++strings) result.emplace_back(*strings);
    return result;
}

Identity nobody() { return {"nobody", "/home/nobody", 65534, 65534, {65534, 4}}; }

cpu::Seat seat_on(CpuSet cpus) { return {.slot = 0, .cpus = cpus, .mask = cpus, .nodes = {0, 1}, .exclusive = true}; }

TEST(ChildImage, SubstitutesInArgumentsEnvironmentAndFolder) {
    PoolSpec spec = spec_of({"/bin/x", "--port=${8000+slot}", "${pool}", "${cpus}", "$$HOME"});
    spec.env = {{"WHERE", "node ${numa}"}};
    spec.cwd = "/srv/${slot}";
    const cpu::Seat seat = seat_on({0, 8});
    const auto buffer = ImageBuffer::build({.spec = spec, .seat = seat, .slot = 3, .generation = 7});
    ASSERT_TRUE(buffer);
    EXPECT_THAT(list(buffer->image().argv), ElementsAre("/bin/x", "--port=8003", "test", "0,8", "$HOME"));
    EXPECT_THAT(list(buffer->image().envp), Contains("WHERE=node 0-1"));
    EXPECT_STREQ(buffer->image().cwd, "/srv/3");
}

TEST(ChildImage, TellsTheWorkerWhoItIs) {
    const PoolSpec spec = spec_of({"/bin/x"});
    const cpu::Seat seat = seat_on({2, 6});
    const auto buffer = ImageBuffer::build(
        {.spec = spec, .seat = seat, .slot = 3, .generation = 7, .notify_socket = "/run/pinion/notify"});
    ASSERT_TRUE(buffer);
    EXPECT_THAT(list(buffer->image().envp),
                ElementsAre("NOTIFY_SOCKET=/run/pinion/notify", testing::StartsWith("PATH="), "PINION_CPUS=2,6",
                            "PINION_GENERATION=7", "PINION_NUMA=0-1", "PINION_POOL=test", "PINION_SEAT=test/3",
                            "PINION_SLOT=3"));
}

std::vector<std::string> environment_of(const PoolSpec& spec, std::uint32_t library_threads) {
    cpu::Seat seat = seat_on({2, 6});
    seat.library_threads = library_threads;
    const auto buffer = ImageBuffer::build({.spec = spec, .seat = seat});
    return list(buffer.value().image().envp);
}

TEST(ChildImage, TellsLibrariesHowManyThreadsTheSeatIsGoodFor) {
    const auto env = environment_of(spec_of({"/bin/x"}), 3);
    for (const std::string_view name : thread_variables) EXPECT_THAT(env, Contains(std::string(name) + "=3"));
}

TEST(ChildImage, LeavesAnEnvironmentsOwnNumberOfThreads) {
    PoolSpec spec = spec_of({"/bin/x"});
    spec.env = {{"OMP_NUM_THREADS", "7"}};
    const auto env = environment_of(spec, 3);
    EXPECT_THAT(env, Contains("OMP_NUM_THREADS=7"));
    EXPECT_THAT(env, Not(Contains("OMP_NUM_THREADS=3")));
    EXPECT_THAT(env, Contains("GOMAXPROCS=3"));
}

TEST(ChildImage, TellsOnlyTheVariablesThatAreNamed) {
    PoolSpec spec = spec_of({"/bin/x"});
    spec.cpu = CpuExclusive{.threads_env = {.automatic = false, .names = {"TBB_NUM_THREADS"}}};
    const auto env = environment_of(spec, 2);
    EXPECT_THAT(env, Contains("TBB_NUM_THREADS=2"));
    EXPECT_THAT(env, Not(Contains(StartsWith("OMP_"))));
    spec.cpu = CpuExclusive{.threads_env = {.automatic = false, .names = {}}};
    EXPECT_THAT(environment_of(spec, 2), Not(Contains(testing::HasSubstr("_NUM_THREADS="))));
}

TEST(ChildImage, TellsNoNumberOfThreadsWithoutASeat) {
    EXPECT_THAT(environment_of(spec_of({"/bin/x"}), 0), Not(Contains(testing::HasSubstr("_NUM_THREADS="))));
}

TEST(ChildImage, HasTheMemoryPolicyOfTheSeat) {
    const auto mode_of = [](MemoryPolicy policy, std::vector<std::uint32_t> nodes) {
        const cpu::Seat seat{.memory = policy, .memory_nodes = std::move(nodes)};
        return image_of(spec_of({"/bin/x"}), -1, -1, seat).image().memory_mode;
    };
    EXPECT_EQ(mode_of(MemoryPolicy::near, {0}), MPOL_PREFERRED);
    EXPECT_EQ(mode_of(MemoryPolicy::near, {0, 2}), MPOL_PREFERRED_MANY);
    EXPECT_EQ(mode_of(MemoryPolicy::strict, {1}), MPOL_BIND);
    EXPECT_EQ(mode_of(MemoryPolicy::interleave, {0, 1}), MPOL_INTERLEAVE);
    EXPECT_EQ(mode_of(MemoryPolicy::off, {0, 1}), -1);
    EXPECT_EQ(mode_of(MemoryPolicy::near, {}), -1);
}

TEST(ChildImage, NamesTheNodesOfItsPolicyByBits) {
    const cpu::Seat seat{.memory = MemoryPolicy::strict, .memory_nodes = {1, 65}};
    const ImageBuffer buffer = image_of(spec_of({"/bin/x"}), -1, -1, seat);
    ASSERT_EQ(buffer.image().node_bits, 128U);
    EXPECT_EQ(buffer.image().node_words[0], 2U);
    EXPECT_EQ(buffer.image().node_words[1], 2U);
}

TEST(ChildImage, KeepsItsOwnNamesFromThePool) {
    PoolSpec spec = spec_of({"/bin/x"});
    spec.env = {{"PINION_POOL", "other"}, {"PATH", "/opt/bin"}};
    const ImageBuffer buffer = image_of(spec);
    EXPECT_THAT(list(buffer.image().envp), Contains("PINION_POOL=test"));
    EXPECT_THAT(list(buffer.image().envp), Contains("PATH=/opt/bin"));
    EXPECT_THAT(list(buffer.image().envp), Not(Contains(StartsWith("NOTIFY_SOCKET"))));
}

TEST(ChildImage, AddsTheAccountOfAnIdentityUnlessSet) {
    PoolSpec spec = spec_of({"/bin/x"});
    spec.identity = nobody();
    spec.env = {{"HOME", "/elsewhere"}};
    const auto env = list(image_of(spec).image().envp);
    EXPECT_THAT(env, Contains("HOME=/elsewhere"));
    EXPECT_THAT(env, Contains("USER=nobody"));
    EXPECT_THAT(env, Contains("LOGNAME=nobody"));
    EXPECT_THAT(env, Contains("SHELL=/bin/sh"));
}

TEST(ChildImage, AddsNoAccountWithoutAnIdentity) {
    EXPECT_THAT(list(image_of(spec_of({"/bin/x"})).image().envp), Not(Contains(StartsWith("USER="))));
}

TEST(ChildImage, LooksUpABareNameInThePathOfThePool) {
    PoolSpec spec = spec_of({"server"});
    spec.env = {{"PATH", "/a:/b::/c"}};
    EXPECT_THAT(list(image_of(spec).image().candidates),
                ElementsAre("/a/server", "/b/server", "./server", "/c/server"));
}

TEST(ChildImage, LooksInSbinForRootOnly) {
    PoolSpec spec = spec_of({"server"});
    spec.identity = nobody();
    EXPECT_THAT(list(image_of(spec).image().candidates),
                ElementsAre("/usr/local/bin/server", "/usr/bin/server", "/bin/server"));
    spec.identity->uid = 0;
    EXPECT_THAT(list(image_of(spec).image().candidates), Contains("/usr/sbin/server"));
}

TEST(ChildImage, TakesAProgramWithASlashAsItIs) {
    EXPECT_THAT(list(image_of(spec_of({"./server"})).image().candidates), ElementsAre("./server"));
}

TEST(ChildImage, SurvivesAMove) {
    PoolSpec spec = spec_of({"a", "b"});  // short enough for a string's own buffer
    spec.cwd = "/";
    spec.limits = {{7, 10, 10}};
    spec.identity = nobody();
    spec.oom_score_adj = 5;
    const cpu::Seat seat = seat_on({1});
    auto first = std::make_unique<ImageBuffer>(image_of(spec, -1, -1, seat));
    std::vector<ImageBuffer> moved;
    moved.push_back(std::move(*first));
    first.reset();
    for (int i = 0; i < 10; ++i) moved.push_back(image_of(spec, -1, -1, seat));  // reallocates: moves again
    const ChildImage& image = moved[0].image();
    EXPECT_THAT(list(image.argv), ElementsAre("a", "b"));
    EXPECT_THAT(list(image.envp), Contains("PINION_POOL=test"));
    EXPECT_STREQ(image.cwd, "/");
    EXPECT_STREQ(image.user, "nobody");
    EXPECT_STREQ(image.oom_score_adj, "5");
    EXPECT_EQ(image.cpu_words[0], 2U);
    EXPECT_EQ(image.groups[1], 4U);
    EXPECT_EQ(image.limits[0].resource, 7);
    EXPECT_FALSE(std::is_copy_constructible_v<ImageBuffer>);
}

TEST(ChildImage, TakesAnArgumentAsLongAsTheKernelDoes) {
    const std::string longest(limits::max_argv_bytes - 1, 'x');
    const cpu::Seat seat;
    const PoolSpec fits = spec_of({"/bin/x", longest});
    EXPECT_TRUE(ImageBuffer::build({.spec = fits, .seat = seat}));
    const PoolSpec too_long = spec_of({"/bin/x", longest + "x"});
    const auto refused = ImageBuffer::build({.spec = too_long, .seat = seat});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, E2BIG);
    EXPECT_EQ(refused.error().message, "command argument 1 of 131072 bytes (at most 131071): argument list too long");
}

TEST(ChildImage, TakesAVariableAsLongAsTheKernelDoes) {
    PoolSpec spec = spec_of({"/bin/x"});
    const cpu::Seat seat;
    spec.env = {{"V", std::string(limits::max_argv_bytes - 3, 'x')}};  // "V=" and the NUL
    EXPECT_TRUE(ImageBuffer::build({.spec = spec, .seat = seat}));
    spec.env["V"] += 'x';
    EXPECT_EQ(ImageBuffer::build({.spec = spec, .seat = seat}).error().code, E2BIG);
}

TEST(ChildImage, RefusesANulCharacter) {
    const PoolSpec spec = spec_of({"/bin/x", std::string("a\0b", 3)});
    const cpu::Seat seat;
    EXPECT_EQ(ImageBuffer::build({.spec = spec, .seat = seat}).error().code, EINVAL);
}

TEST(ChildImage, RefusesAnEmptyCommand) {
    const PoolSpec spec = spec_of({});
    const cpu::Seat seat;
    EXPECT_EQ(ImageBuffer::build({.spec = spec, .seat = seat}).error().code, EINVAL);
}

TEST(ChildImage, NamesTheArgumentWhoseSubstitutionFails) {
    const PoolSpec spec = spec_of({"/bin/x", "ok", "${nosuch}"});
    const cpu::Seat seat;
    const auto refused = ImageBuffer::build({.spec = spec, .seat = seat});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, StartsWith("command argument 2: "));
}

TEST(ChildImage, LeavesTheMaskOfAnUnseatedWorker) {
    EXPECT_EQ(image_of(spec_of({"/bin/x"})).image().cpu_words, nullptr);
}

TEST(ChildImage, ChangesNoIdentityToTheOneWeHave) {
    PoolSpec spec = spec_of({"/bin/x"});
    std::vector<gid_t> groups(64);
    const int count = ::getgroups(64, groups.data());
    ASSERT_GE(count, 0);
    groups.resize(static_cast<std::size_t>(count));
    spec.identity = Identity{"me", "/", ::getuid(), ::getgid(), {groups.begin(), groups.end()}};
    EXPECT_FALSE(image_of(spec).image().change_identity);
    spec.identity->uid += 1;
    EXPECT_TRUE(image_of(spec).image().change_identity);
}

TEST(ChildImage, EncodesSchedulerAndIoPriority) {
    PoolSpec spec = spec_of({"/bin/x"});
    EXPECT_EQ(image_of(spec).image().scheduler, -1);
    EXPECT_EQ(image_of(spec).image().io_priority, -1);
    spec.scheduler = SchedulerPolicy::batch;
    spec.io = IoPriority{IoClass::best_effort, 7};
    EXPECT_EQ(image_of(spec).image().scheduler, SCHED_BATCH);
    EXPECT_EQ(image_of(spec).image().io_priority, (2 << 13) | 7);
    spec.io = IoPriority{IoClass::idle, 7};
    EXPECT_EQ(image_of(spec).image().io_priority, 3 << 13);
}

}  // namespace
}  // namespace pinion::process
