// SPDX-License-Identifier: Apache-2.0
// Jobs that workers push to pools whose inputs are of another kind.
#include "connection_harness.h"
#include "host_harness.h"

namespace pinion::daemon::testing {
namespace {

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

}  // namespace
}  // namespace pinion::daemon::testing
