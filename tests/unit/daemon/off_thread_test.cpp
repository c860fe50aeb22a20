// SPDX-License-Identifier: Apache-2.0
// Work in a thread of its own, with requests that come before, during and after it.
#include "daemon/off_thread.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>

#include <semaphore>
#include <vector>

namespace pinion::daemon {
namespace {

using testing::ElementsAre;
using testing::Pair;

// The work is held until `let_go`, and its beginning is told to the loop.
class OffThreads : public testing::Test {
protected:
    OffThreads() {
        begun_source_ = loop_
                            .add_io(begun_.read.fd(), EPOLLIN, event::Priority::output,
                                    [this](std::uint32_t) {
                                        char byte;
                                        EXPECT_EQ(::read(begun_.read.fd(), &byte, 1), 1);
                                        if (begins.size() == 20) return give_up();
                                        on_begin();
                                    })
                            .value();
        threads = OffThread<int>::make(
                      loop_,
                      [this] {
                          begins.push_back(0);
                          EXPECT_TRUE(write_all(begun_.write.fd(), "."));
                          held_.acquire();
                          return static_cast<int>(begins.size());
                      },
                      [this](int result, OffThread<int>::Run run) {
                          done.emplace_back(result, run);
                          on_done();
                      })
                      .value();
    }
    void let_go() { held_.release(); }
    void give_up() {
        let_go();
        loop_.exit(1);
    }
    int run() { return loop_.run().value_or(-1); }
    void end() { loop_.exit(0); }

    std::vector<int> begins;  // one for each run
    std::vector<std::pair<int, OffThread<int>::Run>> done;
    std::function<void()> on_begin = [this] { let_go(); };
    std::function<void()> on_done = [this] { end(); };

private:
    event::Loop loop_ = event::Loop::make().value();
    Pipe begun_ = make_pipe(O_NONBLOCK).value();
    std::counting_semaphore<64> held_{0};
    event::Source begun_source_;

protected:
    std::unique_ptr<OffThread<int>> threads;
};

TEST_F(OffThreads, AnswerEachRequestWithARunThatBeganAfterIt) {
    EXPECT_EQ(threads->request(), 1U);
    on_done = [this] {
        if (done.size() == 2) return end();
        EXPECT_EQ(threads->request(), 2U);
    };
    EXPECT_EQ(run(), 0);
    EXPECT_THAT(done, ElementsAre(Pair(1, 1), Pair(2, 2)));
}

TEST_F(OffThreads, AnswerWhatIsAskedMeanwhileByOneMoreRunForAll) {
    EXPECT_EQ(threads->request(), 1U);
    on_begin = [this] {
        if (begins.size() == 1) {
            EXPECT_EQ(threads->request(), 2U);
            EXPECT_EQ(threads->request(), 2U);
        }
        let_go();
    };
    EXPECT_EQ(run(), 0);
    EXPECT_THAT(done, ElementsAre(Pair(2, 2)));
}

TEST_F(OffThreads, HaveResultsAlthoughEachIsAskedForAnewWhileItIsWorkedOut) {
    std::vector<OffThread<int>::Run> given{threads->request()};
    on_begin = [&] {
        if (begins.size() < 6) given.push_back(threads->request());
        let_go();
    };
    on_done = [this] {
        if (done.back().second == 6) end();
    };
    EXPECT_EQ(run(), 0);
    EXPECT_THAT(given, ElementsAre(1, 2, 3, 4, 5, 6));
    EXPECT_THAT(done, ElementsAre(Pair(2, 2), Pair(4, 4), Pair(6, 6)));
}

}  // namespace
}  // namespace pinion::daemon
