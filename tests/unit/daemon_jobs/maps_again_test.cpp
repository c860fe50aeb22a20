// SPDX-License-Identifier: Apache-2.0
// A map that is complete and given again, after some of its items were forgotten: those are done once more, and what
// was asked for of the map holds for them, too.
#include "host_harness.h"

namespace pinion::daemon::testing {
namespace {

using ::testing::SizeIs;

class MapsGivenAgain : public HostTest {
protected:
    MapsGivenAgain() : pool_(declare("p", {.prefetch = 1, .job = {.attempts = 1}})) {}

    void open() {
        host_.open_map(pool_, "film", true, [this](Answer<jobs::StoredMap> opened) { map_ = opened->map; });
        settle();
    }
    void give(std::size_t items) {
        open();
        submit(pool_, items, map_);
        settle();
    }
    void seal() {
        host_.seal_map(map_, {.items = placed_.size()});
        settle();
        EXPECT_FALSE(host_.map(map_)) << "it is complete";
    }
    void fail(const Player& worker) {
        const std::string line = worker.reads();
        ASSERT_TRUE(line.starts_with("{\"id\":")) << line;
        const std::string text = line.substr(0, line.find(',')) + R"(,"error":{"type":"odd","message":"no"}})" + "\n";
        ASSERT_EQ(::write(worker.out.fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
        settle();
    }
    // All that ended before now; what ends from here on is kept.
    void forget() {
        const WallTime now = wall_now();
        while (wall_now() <= now) {
        }
        forgotten_ = now;
    }
    void expire() {
        const auto retention = specs_.at("p")->jobs->queue.retention;
        store_->post(jobs::WriteRequest{jobs::Expire{forgotten_ + retention + Duration(1)}});
        settle();
    }

    JobPoolId pool_;
    MapId map_;
    WallTime forgotten_{};
};

TEST_F(MapsGivenAgain, FailFastForItemsThatWereForgotten) {
    const auto worker = arrive("p");
    give(3);
    answer(worker, "1");
    answer(worker, "2");
    forget();
    answer(worker, "3");
    seal();
    expire();
    give(3);
    ASSERT_THAT(placed_, SizeIs(3));
    EXPECT_FALSE(placed_[0].existing || placed_[1].existing);
    EXPECT_TRUE(placed_[2].existing);
    fail(worker);
    EXPECT_EQ(worker.reads(), "");
    EXPECT_EQ(queue("p").failed, 1U);
    EXPECT_EQ(queue("p").cancelled, 1U);
}

TEST_F(MapsGivenAgain, HaveFailedThoughTheItemThatDidIsForgotten) {
    const auto first = arrive("p", 1, 0);
    const auto second = arrive("p", 1, 1);
    give(2);
    ASSERT_NE(second.reads(), "");
    fail(first);
    forget();
    die(second);
    seal();
    expire();
    give(2);
    ASSERT_THAT(placed_, SizeIs(2));
    EXPECT_FALSE(placed_[0].existing);
    EXPECT_TRUE(placed_[1].existing);
    EXPECT_EQ(first.reads(), "");
    EXPECT_EQ(queue("p").cancelled, 2U);
}

}  // namespace
}  // namespace pinion::daemon::testing
