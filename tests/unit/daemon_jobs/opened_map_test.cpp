// SPDX-License-Identifier: Apache-2.0
// Two clients that fill the same named map at the same time, over the real host.
#include "daemon/jobs/opened_map.h"

#include "connection_harness.h"
#include "host_harness.h"

namespace pinion::daemon::testing {
namespace {

// A client that takes everything.
class Taker final : public ClientPort {
public:
    [[nodiscard]] Outbox& outbox() override { return outbox_; }
    [[nodiscard]] bool has_room() const override { return true; }
    void changed() override {}
    void fail(std::uint64_t, FailureCode, const std::string& message) override { failure = message; }
    [[nodiscard]] MonotonicTime now() const override { return MonotonicTime(1h); }

    // Of all `finished` so far: "STATE RESULT" each.
    std::vector<std::string> results() {
        std::vector<std::string> all;
        wire::FrameReader reader(wire::limits::max_answer_bytes);
        EXPECT_TRUE(reader.feed(outbox_.bytes(), [&](const wire::FrameHeader& header, std::string_view payload) {
            const auto reply = to_received(header, payload);
            if (reply.type != wire::MessageType::finished) return;
            const auto* jobs = reply.head.find("jobs");
            for (std::size_t i = 0; i < reply.items.size(); ++i)
                all.push_back(*jobs->items().at(i).find("state")->as_string() + " " + reply.items[i]);
        }));
        return all;
    }
    std::string failure;

private:
    Outbox outbox_;
};

class TwoFillers : public HostTest {
protected:
    std::shared_ptr<OpenedMap> open(Taker& taker, JobPoolId pool, bool unordered) {
        std::shared_ptr<OpenedMap> opened;
        host_.open_map(pool, "film", false, [&](const Answer<jobs::StoredMap>& map) {
            OpenMapRequest request;
            request.pool = "p";
            request.name = "film";
            request.unordered = unordered;
            request.results = true;
            opened = std::make_shared<OpenedMap>(host_, taker, *host_.find("p"), request, *map);
        });
        settle();
        opened->allow(10);
        return opened;
    }
    void run(bool unordered) {
        const auto pool = declare("p");
        const auto first = open(one_, pool, unordered);
        const auto second = open(other_, pool, unordered);
        store_->shut();
        for (const auto& map : {first, second}) map->add({.map = map->map(), .from = 0, .inputs = {"1"}});
        settle();
        store_->open();
        settle();
        EXPECT_EQ(one_.results().size() + other_.results().size(), 0U) << "it has not run";
        answer(arrive("p"), "42");
        for (Taker* taker : {&one_, &other_}) {
            EXPECT_THAT(taker->results(), ::testing::ElementsAre("done 42"));
            EXPECT_EQ(taker->failure, "");
        }
    }
    Taker one_, other_;
};

TEST_F(TwoFillers, WhoseAddsAreWrittenTogetherBothGetTheResult) { run(false); }

TEST_F(TwoFillers, InTheOrderOfTheEndsToo) { run(true); }

}  // namespace
}  // namespace pinion::daemon::testing
