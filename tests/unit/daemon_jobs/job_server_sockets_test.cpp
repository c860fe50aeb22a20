// SPDX-License-Identifier: Apache-2.0
// The job socket with real sockets: many clients, slow ones, half frames and ends in the middle. Clients are threads
// that block; the server and its queue run in the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>

#include "connection_harness.h"
#include "daemon/jobs/job_server.h"

namespace pinion::daemon {
namespace {

using testing::HasSubstr;
using enum wire::MessageType;

// A client's end: blocks, with a deadline.
class Peer {
public:
    explicit Peer(UniqueFd socket) : socket_(std::move(socket)) {
        const timeval patience{.tv_sec = 20, .tv_usec = 0};
        ::setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(socket_.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    }
    static UniqueFd connect(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return UniqueFd();
        return socket;
    }
    bool say(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t count = ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }
    // The next frame; of type 0 at the end of the stream.
    Received next() {
        while (received_.empty()) {
            char bytes[16384];
            const ssize_t count = ::recv(socket_.fd(), bytes, sizeof bytes, 0);
            if (count <= 0) return {};
            EXPECT_TRUE(reader_.feed({bytes, static_cast<std::size_t>(count)},
                                     [&](const wire::FrameHeader& header, std::string_view payload) {
                                         received_.push_back(to_received(header, payload));
                                     }));
        }
        Received first = std::move(received_.front());
        received_.pop_front();
        return first;
    }
    Received greet() {
        EXPECT_TRUE(say(frame(hello, 1, R"({"version":1})")));
        return next();
    }
    [[nodiscard]] int fd() const { return socket_.fd(); }

private:
    UniqueFd socket_;
    wire::FrameReader reader_{32 << 20};
    std::deque<Received> received_;
};

class Sockets : public ::testing::Test {
protected:
    Sockets() {
        queue_.declare("film");
        settle_ = loop_
                      .add_deferred(event::Priority::commands,
                                    [this] {
                                        queue_.settle();
                                        if (after_settle) after_settle();
                                    })
                      .value();
        queue_.on_later = [this] { settle_.enable(true); };
        path_ = std::filesystem::temp_directory_path() / ("pinion-jobs-" + std::to_string(::getpid()) + ".sock");
        EXPECT_TRUE(server_->listen(path_).has_value());
        stopped_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
        stop_ = loop_.add_io(stopped_.fd(), EPOLLIN, event::Priority::output, [this](std::uint32_t) { loop_.exit(0); })
                    .value();
    }
    ~Sockets() override { end_server(); }

    // Nothing can be put off to a loop that has ended.
    void end_server() {
        queue_.on_later = {};
        server_.reset();
    }

    // Runs the loop while `clients` run, each in a thread of its own.
    void run(std::vector<std::function<void()>> clients) {
        std::jthread all([this, clients = std::move(clients)] {
            {
                std::vector<std::jthread> threads;
                for (const auto& client : clients) threads.emplace_back(client);
            }
            const std::uint64_t one = 1;
            EXPECT_EQ(::write(stopped_.fd(), &one, sizeof one), 8);
        });
        EXPECT_TRUE(loop_.run().has_value());
    }
    // Every job that waits ends at once, as `square`.
    void work_at_once() {
        after_settle = [this] {
            for (const JobId id : queue_.waiting()) {
                const auto n = std::stoull(queue_.job(id.value).input);
                queue_.end(id, std::to_string(n * n));
            }
        };
    }
    // Maps 0 … count-1 and checks every result.
    void map_squares(std::size_t count) {
        Peer peer(Peer::connect(path_));
        ASSERT_EQ(peer.greet().type, welcome);
        peer.say(frame(open_map, 2, R"({"pool":"film"})"));
        const auto map = peer.next().head.find("map")->as_uint().value();
        peer.say(frame(allow, map, R"({"results":1000000})"));
        std::size_t added = 0;
        std::size_t unanswered = 0;
        std::size_t seen = 0;
        bool sealed = false;
        for (;;) {
            while (added < count && unanswered < 2) {
                std::vector<std::string> inputs;
                const std::size_t from = added;
                for (; added < count && inputs.size() < 100; ++added) inputs.push_back(std::to_string(added));
                ASSERT_TRUE(peer.say(body_frame(add_items, map, R"({"from":)" + std::to_string(from) + "}", inputs)));
                ++unanswered;
            }
            if (added == count && !sealed) {
                ASSERT_TRUE(peer.say(frame(seal_map, map, "{}")));
                sealed = true;
            }
            const auto reply = peer.next();
            if (reply.type == items_added) --unanswered;
            if (reply.type == finished)
                for (const auto& item : reply.items) {
                    ASSERT_EQ(item, std::to_string(seen * seen));
                    ++seen;
                }
            ASSERT_NE(reply.type, failure) << reply.text("message");
            ASSERT_NE(reply.type, wire::MessageType{});
            if (reply.type == map_done) break;
        }
        EXPECT_EQ(seen, count);
    }

    event::Loop loop_ = event::Loop::make().value();
    FakeJobQueue queue_;
    std::unique_ptr<JobServer> server_ = std::make_unique<JobServer>(
        loop_, queue_, JobServerSetting{.own_uid = 990, .peer = [this](int) { return std::optional(caller_); }});
    Caller caller_{0, {0}};
    std::function<void()> after_settle;
    event::Source settle_;
    event::Source stop_;
    UniqueFd stopped_;
    std::string path_;
};

TEST_F(Sockets, EverybodyMayConnectAndTheNameGoesWithTheServer) {
    struct stat status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0666U);
    server_.reset();
    EXPECT_NE(::stat(path_.c_str(), &status), 0);
    server_ = std::make_unique<JobServer>(loop_, queue_, JobServerSetting{});
}

TEST_F(Sockets, ATooLongPathIsSaid) {
    const auto listened = server_->listen("/tmp/" + std::string(200, 'x'));
    ASSERT_FALSE(listened.has_value());
    EXPECT_THAT(listened.error().message, HasSubstr("at most 107 characters"));
}

TEST_F(Sockets, FourClientsMapAtOnce) {
    work_at_once();
    const auto client = [this] { map_squares(3000); };
    run({client, client, client, client});
    EXPECT_TRUE(queue_.waiting().empty());
}

TEST_F(Sockets, AClientThatDoesNotReadHindersNobodyAndIsNotReadItself) {
    work_at_once();
    run({[this] {
        Peer lazy(Peer::connect(path_));
        const int small = 4096;
        ::setsockopt(lazy.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        EXPECT_EQ(lazy.greet().type, welcome);
        std::string bytes;
        for (int i = 0; i < 2000; ++i) bytes += frame(ask_pool, 5, R"({"pool":"film"})");
        // It asks and asks, and never reads: at some point nobody takes its questions any more.
        std::size_t taken = 0;
        for (;;) {
            const ssize_t count = ::send(lazy.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count > 0) taken += static_cast<std::size_t>(count);
            if (taken > (64U << 20)) break;
            if (count >= 0) continue;
            map_squares(500);  // another, meanwhile
            if (::send(lazy.fd(), bytes.data(), 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) break;
            ++taken;
        }
        EXPECT_LT(taken, 32U << 20);
        EXPECT_GT(taken, 0U);
    }});
}

TEST_F(Sockets, AClientThatGoesInTheMiddleOfAMapHasItCancelled) {
    run({[this] {
             Peer peer(Peer::connect(path_));
             peer.greet();
             peer.say(frame(open_map, 2, R"({"pool":"film"})"));
             const auto map = peer.next().head.find("map")->as_uint().value();
             peer.say(body_frame(add_items, map, R"({"from":0})", {"1", "2"}));
             EXPECT_EQ(peer.next().type, items_added);
             peer.say(frame(list_jobs, 3, "{}").substr(0, 10));  // and half a frame
         },
         [this] { Peer::connect(path_); }});
    // The end of the stream may come in the turn in which the loop was told to stop.
    end_server();
    queue_.settle();
    EXPECT_TRUE(queue_.waiting().empty());
    EXPECT_EQ(queue_.listeners(), 0U);
}

TEST_F(Sockets, GarbageIsAnsweredAndTheConnectionEnds) {
    run({[this] {
        Peer peer(Peer::connect(path_));
        peer.greet();
        peer.say("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        EXPECT_EQ(peer.next().text("code"), "protocol");
        EXPECT_EQ(peer.next().type, wire::MessageType{}) << "closed";
    }});
}

TEST_F(Sockets, OneClientTooManyIsToldSo) {
    caller_ = {1234, {1234}};
    run({[this] {
        std::vector<std::unique_ptr<Peer>> peers;
        for (std::size_t i = 0; i < socket_limits::max_connections_of_user; ++i) {
            peers.push_back(std::make_unique<Peer>(Peer::connect(path_)));
            ASSERT_EQ(peers.back()->greet().type, welcome);
        }
        Peer last(Peer::connect(path_));
        EXPECT_EQ(last.next().text("code"), "busy");
        EXPECT_EQ(last.next().type, wire::MessageType{});
        peers.pop_back();
        // Its place is free as soon as its end was seen.
        for (int i = 0; i < 1000; ++i)
            if (Peer(Peer::connect(path_)).greet().type == welcome) return;
        ADD_FAILURE() << "nobody was let in again";
    }});
}

TEST_F(Sockets, StrangersLeaveAPlaceForRoot) {
    const auto adopt = [&](uid_t uid) {
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
        const UniqueFd other(ends[1]);
        server_->adopt(UniqueFd(ends[0]), {uid, {uid}});
    };
    for (std::size_t i = 0; i < 2 * socket_limits::max_connections; ++i) adopt(static_cast<uid_t>(2000 + i % 8));
    EXPECT_EQ(server_->clients(), socket_limits::max_connections);
    adopt(0);
    EXPECT_EQ(server_->clients(), socket_limits::max_connections + 1);
    for (std::size_t i = 0; i < 2 * socket_limits::kept_connections; ++i) adopt(0);
    EXPECT_EQ(server_->clients(), socket_limits::max_connections + socket_limits::kept_connections);
}

TEST_F(Sockets, ReadingGoesOnWhenTheQueueHasRoomAgain) {
    queue_.room = false;
    UniqueFd room(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const auto source = loop_
                            .add_io(room.fd(), EPOLLIN, event::Priority::output,
                                    [&](std::uint32_t) {
                                        std::uint64_t count = 0;
                                        EXPECT_EQ(::read(room.fd(), &count, sizeof count), 8);
                                        queue_.room = true;
                                        queue_.on_room();
                                    })
                            .value();
    run({[&] {
        Peer peer(Peer::connect(path_));
        peer.say(frame(hello, 1, R"({"version":1})"));
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(room.fd(), &one, sizeof one), 8);
        EXPECT_EQ(peer.next().type, welcome);
    }});
}

}  // namespace
}  // namespace pinion::daemon
