// SPDX-License-Identifier: Apache-2.0
// Jobs that workers push to pools whose inputs are of another kind.
#include "connection_harness.h"
#include "host_harness.h"

namespace pinion::daemon::testing {
namespace {

using ::testing::HasSubstr;

class Pushes : public HostTest {
protected:
    // The end of a job of pool "from" that pushes `input` to pool "to", by a worker that speaks frames.
    void push_raw(const std::string& input) {
        submit(host_.find("from")->id, 1);
        settle();
        const auto worker = arrive("from", ++generation_);
        std::uint64_t id = 0;
        wire::FrameReader reader(wire::limits::max_answer_bytes);
        ASSERT_TRUE(
            reader.feed(worker.reads(), [&](const wire::FrameHeader& header, std::string_view) { id = header.id; }));
        const std::string bytes = body_frame(wire::MessageType::push, id, R"({"pool":"to"})", {input}) +
                                  frame(wire::MessageType::result, id, "1");
        ASSERT_EQ(::write(worker.in.fd(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
        settle();
        die(worker);
    }
    std::uint64_t generation_ = 0;
};

TEST_F(Pushes, OfTextToAPoolOfJsonFailTheirJob) {
    declare("from", {.protocol = JobProtocol::frames, .payload = PayloadKind::raw});
    declare("to");
    push_raw("hello");
    EXPECT_EQ(queue("from").failed, 1U);
    EXPECT_EQ(queue("to").ready, 0U) << "its worker could not read its line";
    push_raw("[1]");
    EXPECT_EQ(queue("from").done, 1U);
    EXPECT_EQ(queue("to").ready, 1U);
}

TEST_F(Pushes, OfTwoLinesToAPoolOfBareLinesFailTheirJob) {
    const auto from = declare("from");
    declare("to", {.payload = PayloadKind::raw});
    submit(from, 2);
    settle();
    const auto worker = arrive("from");
    answer(worker, R"(1,"push":[{"pool":"to","input":"a\nb"}])");
    EXPECT_EQ(queue("from").failed, 1U);
    EXPECT_EQ(queue("to").ready, 0U) << "it would be two jobs";
    answer(worker, R"(1,"push":[{"pool":"to","input":"a b"}])");
    EXPECT_EQ(queue("from").done, 1U);
    EXPECT_EQ(queue("to").ready, 1U);
}

TEST_F(Pushes, ToADiskThatHasStoppedFailTheirJob) {
    const auto from = declare("from");
    declare("to", {}, Durability::fsync);
    const auto map = open_map(from, "film");
    submit(from, 2, map);
    settle();
    const JobId job = placed_.at(0).id;
    struct Ear final : JobListener {
        void job_ended(const JobEnd& end) override { ends.push_back({end.state, std::string(end.error)}); }
        void map_settled(const jobs::MapSettled&) override {}
        void store_stopped(const std::string&) override {}
        std::vector<std::pair<jobs::JobState, std::string>> ends;
    } ear;
    host_.listen(job, ear);
    const auto worker = arrive("from");
    store_->shut();
    answer(worker, R"(1,"push":[{"pool":"to","input":1}])");
    EXPECT_EQ(queue("from").finishing, 1U);
    store_->become({jobs::StoreHealth::State::stopped, "fsync failed", EIO});
    store_->open_without_pushes();
    settle();
    EXPECT_EQ(queue("from").finishing, 0U);
    EXPECT_EQ(queue("from").done, 0U);
    EXPECT_EQ(queue("from").failed, 1U);
    EXPECT_EQ(queue("to").ready, 0U);
    ASSERT_EQ(ear.ends.size(), 1U);
    EXPECT_EQ(ear.ends[0].first, jobs::JobState::failed);
    EXPECT_THAT(ear.ends[0].second, HasSubstr(R"({"type":"refused_push","message":"push to 'to': the job store takes )"
                                              R"(nothing: fsync failed; )"));
    std::optional<jobs::StoredJob> stored;
    host_.look_up(job, [&](Answer<std::optional<jobs::StoredJob>> found) { stored = *found; });
    settle();
    EXPECT_EQ(stored->state, jobs::JobState::failed);
    EXPECT_EQ(stored->result, "");
    EXPECT_EQ(stored->attempts.at(0).outcome, jobs::Outcome::refused_push);
    EXPECT_EQ(stored->attempts.at(0).detail, ear.ends[0].second);
    answer(worker, "1");
    EXPECT_EQ(queue("from").done, 1U) << "the worker goes on";
    host_.forget(ear);
}

}  // namespace
}  // namespace pinion::daemon::testing
