// SPDX-License-Identifier: Apache-2.0
// Delayed jobs come out by their time, whatever comes and goes between, and all of a lane at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "jobs/delays.h"

namespace pinion::jobs {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::UnorderedElementsAreArray;

class DelaysTest : public testing::Test {
protected:
    Place add(std::uint64_t id, std::uint32_t lane, Duration until) {
        const Place place = jobs_.add(JobId{id});
        jobs_.at(place).lane = lane;
        jobs_.at(place).set_time(MonotonicTime(until));
        delays_.add(place);
        return place;
    }
    // What a list that is kept beside it has of a job.
    using Known = std::set<std::tuple<MonotonicTime, JobId, Place>>;
    [[nodiscard]] Known::value_type known(Place place) const {
        return {jobs_.at(place).time(), jobs_.at(place).id, place};
    }

    JobTable jobs_;
    Delays delays_{jobs_};
};

TEST_F(DelaysTest, ComeOutByTimeAndAgeWhateverTheirLane) {
    const Place late = add(1, 7, 3s);
    const Place early = add(2, 8, 1s);
    const Place twin = add(3, 7, 1s);
    std::vector<Place> out;
    while (delays_.first() != nowhere) {
        out.push_back(delays_.first());
        delays_.remove(out.back());
    }
    EXPECT_THAT(out, testing::ElementsAre(early, twin, late));
    EXPECT_EQ(delays_.memory_bytes(), Delays(jobs_).memory_bytes()) << "nothing is kept for those that are gone";
}

TEST_F(DelaysTest, ALaneIsTakenWithoutTheOthers) {
    const Place own = add(1, 7, 1s);
    const Place other = add(2, 8, 2s);
    EXPECT_THAT(delays_.take(9), IsEmpty());
    EXPECT_THAT(delays_.take(7), testing::ElementsAre(own));
    EXPECT_THAT(delays_.take(7), IsEmpty());
    EXPECT_EQ(delays_.first(), other);
}

TEST_F(DelaysTest, ComeOutByTimeWhateverComesAndGoes) {
    std::mt19937 random(1);
    const auto below = [&](std::uint32_t bound) { return static_cast<std::uint32_t>(random() % bound); };
    Known all;
    std::map<std::uint32_t, std::set<Place>> lanes;
    std::uint64_t next = 1;
    std::size_t most = 0;
    const auto gone = [&](Place place) {
        all.erase(known(place));
        lanes[jobs_.at(place).lane].erase(place);
        jobs_.at(place).lane = nowhere;
    };
    for (int step = 0; step < 20'000; ++step) {
        const std::uint32_t lane = below(12);
        const std::uint32_t what = below(100);
        if (what < 55) {
            const Place place = add(next++, lane, std::chrono::milliseconds(below(500)));
            all.insert(known(place));
            lanes[lane].insert(place);
        } else if (what < 75 && !all.empty()) {
            const Place first = std::get<Place>(*all.begin());
            delays_.remove(first);
            gone(first);
        } else if (what < 97 && !lanes[lane].empty()) {
            const Place any = *std::next(lanes[lane].begin(), below(static_cast<std::uint32_t>(lanes[lane].size())));
            delays_.remove(any);
            gone(any);
        } else if (what >= 97) {
            const std::set<Place> expected = lanes[lane];
            const std::vector<Place> taken = delays_.take(lane);
            ASSERT_THAT(taken, UnorderedElementsAreArray(expected));
            for (const Place place : taken) gone(place);
        }
        most = std::max(most, all.size());
        ASSERT_EQ(delays_.first(), all.empty() ? nowhere : std::get<Place>(*all.begin())) << "step " << step;
    }
    EXPECT_GT(most, 60U);
}

}  // namespace
}  // namespace pinion::jobs
