// SPDX-License-Identifier: Apache-2.0
// What is on record of an `exec` attempt that its runner did not outlive: what its own process wrote and used, or
// nothing where nobody could tell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host_harness.h"
#include "wire/frames.h"
#include "wire/job_messages.h"
#include "wire/json.h"

namespace pinion::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::Json;

// What the runner used in its life, with all its jobs.
const Death of_runner{.cause = Death::Cause::signaled,
                      .status = SIGKILL,
                      .cpu_user = 99s,
                      .peak_memory_bytes = 5 << 20,
                      .last_lines = {"of its life"}};

class ExecDeaths : public testing::HostTest {
protected:
    // A worker with two jobs of which it executes the first.
    void begin(std::uint32_t attempts = 1) {
        JobPoolSpec policy{.protocol = JobProtocol::exec, .prefetch = 2};
        policy.job.attempts = attempts;
        const auto pool = declare("p", policy);
        worker_ = arrive("p");
        submit(pool, 2);
        settle();
        ASSERT_THAT(placed_, SizeIs(2));
        job_ = placed_[0].id;
    }
    void cancel(JobId job) {
        host_.cancel(job, [](const Answer<jobs::JobState>&) {});
    }
    void die_of(const Death& death) {
        host_.died(worker_.id, death);
        host_.gone(worker_.id);
        settle();
    }
    // Of its last attempt.
    Json death_of(JobId job) {
        std::string detail;
        host_.look_up(job, [&](Answer<std::optional<jobs::StoredJob>> found) {
            ASSERT_TRUE(found && *found);
            ASSERT_THAT((*found)->attempts, Not(IsEmpty()));
            detail = (*found)->attempts.back().detail;
        });
        settle();
        const auto parsed = Json::parse(detail);
        const Json* death = parsed ? parsed->find("death") : nullptr;
        EXPECT_NE(death, nullptr) << detail;
        return death == nullptr ? Json::object() : *death;
    }
    static std::vector<std::string> lines_of(const Json& death) {
        std::vector<std::string> lines;
        if (const Json* list = death.find("last_lines"))
            for (const Json& line : list->items()) lines.push_back(*line.as_string());
        return lines;
    }
    static std::uint64_t number_in(const Json& death, const char* name) {
        const Json* number = death.find(name);
        return number == nullptr ? 0 : number->as_uint().value_or(0);
    }
    // The runner says how the process of what it was sent first has ended.
    void tell_end_of_first() {
        std::uint64_t attempt = 0;
        wire::FrameReader reader(1 << 20);
        const std::string sent = worker_.reads();
        ASSERT_TRUE(reader.feed(sent, [&](const wire::FrameHeader& header, std::string_view) {
            if (attempt == 0) attempt = header.id;
        }));
        std::string frame;
        wire::append_frame(frame,
                           {.type = static_cast<std::uint8_t>(wire::MessageType::error),
                            .codec = wire::FrameCodec::json,
                            .id = attempt},
                           R"({"type":"exit","message":"exit 1","exit":1})");
        ASSERT_EQ(::write(worker_.in.fd(), frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
    }

    testing::Player worker_;
    JobId job_;
};

TEST_F(ExecDeaths, OneThatIsKilledHasUsedWhatItsProcessesHad) {
    begin();
    host_.wrote(worker_.id, "its own word");
    used_ = TreeUsage{.cpu = 3s, .peak_bytes = 96 << 20};
    cancel(job_);
    settle();
    ASSERT_THAT(unwanted_, SizeIs(1));
    used_.reset();
    die_of(of_runner);
    const Json death = death_of(job_);
    EXPECT_EQ(number_in(death, "cpu_usec"), 3'000'000U);
    EXPECT_EQ(number_in(death, "peak_memory_bytes"), 96U << 20);
    EXPECT_EQ(number_in(death, "signal"), 9U);
    EXPECT_THAT(lines_of(death), ElementsAre("its own word"));
    EXPECT_EQ(host_.cpu_time(host_.find("p")->id), 102s) << "the pool used it, too";
}

TEST_F(ExecDeaths, OneWhoseRunnerIsKilledBySomebodyHasNoFigures) {
    begin();
    host_.wrote(worker_.id, "its own word");
    used_ = TreeUsage{.cpu = 3s, .peak_bytes = 96 << 20};
    die_of(of_runner);
    const Json death = death_of(job_);
    EXPECT_EQ(death.find("cpu_usec"), nullptr) << death.dump();
    EXPECT_EQ(death.find("peak_memory_bytes"), nullptr) << death.dump();
    EXPECT_THAT(lines_of(death), ElementsAre("its own word"));
    EXPECT_EQ(host_.cpu_time(host_.find("p")->id), 99s);
}

// It ended by itself just before it was to be killed; what runs now is another job's.
TEST_F(ExecDeaths, OneThatHadEndedHasNothingOfTheNext) {
    begin();
    used_ = TreeUsage{.cpu = 3s, .peak_bytes = 96 << 20};
    tell_end_of_first();
    cancel(job_);
    host_.drain(worker_.id);
    host_.wrote(worker_.id, "the next one's word");
    settle();
    ASSERT_THAT(unwanted_, SizeIs(1)) << "the cancel came first";
    die_of(of_runner);
    const Json death = death_of(job_);
    EXPECT_THAT(lines_of(death), IsEmpty());
    EXPECT_EQ(death.find("cpu_usec"), nullptr) << death.dump();
}

TEST_F(ExecDeaths, ItsLastLinesAreThereHoweverMuchOthersWrite) {
    begin();
    host_.wrote(worker_.id, "the one word of an hour");
    const auto chatty = declare("chatty");
    submit(chatty, 1100);
    settle();
    const testing::Player other = arrive("chatty");
    std::string sent;
    for (int i = 0; i < 1100; ++i) {
        host_.wrote(other.id, "one of many");
        sent += other.reads();
        const auto id = sent.substr(0, sent.find(','));
        sent.erase(0, sent.find('\n') + 1);
        const std::string text = id + ",\"result\":1}\n";
        ASSERT_EQ(::write(other.out.fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
        settle();
    }
    ASSERT_EQ(queue("chatty").done, 1100U);
    die_of(of_runner);
    EXPECT_THAT(lines_of(death_of(job_)), ElementsAre("the one word of an hour"));
}

}  // namespace
}  // namespace pinion::daemon
