// SPDX-License-Identifier: Apache-2.0
#include "daemon/oom_sight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pinion::daemon {
namespace {

using testing::HasSubstr;

constexpr OomSight blind{};

struct Pools {
    Pools& with(const std::string& name, JobProtocol protocol, RetryOn retry_on, std::uint32_t attempts = 3) {
        auto spec = std::make_shared<PoolSpec>();
        spec->name = name;
        spec->kind = PoolKind::jobs;
        spec->jobs.emplace().protocol = protocol;
        spec->jobs->job.retry_on = retry_on;
        spec->jobs->job.attempts = attempts;
        all[name] = std::move(spec);
        return *this;
    }
    std::map<std::string, std::shared_ptr<const PoolSpec>> all;
};

TEST(OomSight, NamesThePoolsForWhichADeathOfMemoryIsNoCrash) {
    Pools pools;
    pools.with("a", JobProtocol::lines, {.oom = false}).with("b", JobProtocol::frames, {.crash = false});
    pools.with("c", JobProtocol::exec, {.oom = false});
    EXPECT_THAT(unseen_oom_deaths(pools.all, blind), HasSubstr("'job.retry_on.oom' of a, b, c has no effect"));
}

TEST(OomSight, SaysNothingOfPoolsForWhichItIsAllOne) {
    Pools pools;
    pools.with("default", JobProtocol::lines, {}).with("never", JobProtocol::exec, {.crash = false, .oom = false});
    pools.with("once", JobProtocol::lines, {.oom = false}, 1);
    auto service = std::make_shared<PoolSpec>();
    service->name = "service";
    pools.all["service"] = service;
    EXPECT_EQ(unseen_oom_deaths(pools.all, blind), "");
}

TEST(OomSight, SaysNothingWhereItIsSeen) {
    Pools pools;
    pools.with("p", JobProtocol::exec, {.oom = false}).with("w", JobProtocol::lines, {.oom = false});
    EXPECT_EQ(unseen_oom_deaths(pools.all, {.of_workers = true, .of_processes = true}), "");
    EXPECT_THAT(unseen_oom_deaths(pools.all, {.of_workers = false, .of_processes = true}), HasSubstr("oom' of w has"));
    EXPECT_THAT(unseen_oom_deaths(pools.all, {.of_workers = true, .of_processes = false}), HasSubstr("oom' of p has"));
}

TEST(OomSight, WithoutCgroupsIsTheRunnersAlone) {
    const OomSight sight = oom_sight(std::nullopt);
    EXPECT_FALSE(sight.of_workers);
    EXPECT_EQ(sight.of_processes, process::own_memory_events().has_value());
}

}  // namespace
}  // namespace pinion::daemon
