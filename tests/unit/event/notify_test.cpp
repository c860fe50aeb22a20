// SPDX-License-Identifier: Apache-2.0
#include "event/notify.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/text.h"
#include "event/loop.h"

namespace pinion::event {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class NotifyTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "pinion-notify-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        path_ = folder_ + "/socket";
    }
    void TearDown() override {
        ::unsetenv("NOTIFY_SOCKET");
        ::unsetenv("WATCHDOG_USEC");
        std::filesystem::remove_all(folder_);
    }

    // A worker's side, connected to `path_`.
    [[nodiscard]] UniqueFd connect() const {
        UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{.sun_family = AF_UNIX};
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(fd.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return fd;
    }
    void send(std::string_view datagram) const {
        const auto fd = connect();
        EXPECT_EQ(::send(fd.fd(), datagram.data(), datagram.size(), 0), static_cast<ssize_t>(datagram.size()));
    }
    void send_with_fd(std::string_view datagram, int passed) const {
        const auto fd = connect();
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
        std::string data(datagram);
        iovec part{data.data(), data.size()};
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(rights), &passed, sizeof passed);
        EXPECT_EQ(::sendmsg(fd.fd(), &header, 0), static_cast<ssize_t>(data.size()));
    }

    std::string folder_;
    std::string path_;
};

TEST_F(NotifyTest, ReceivesReadinessStatusAndTheSender) {
    auto socket = NotifySocket::bind(path_).value();
    send("READY=1\nSTATUS=serving \x1b[31m\nMAINPID=1\nFOO");
    const auto message = socket.receive().value();
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->ready);
    EXPECT_EQ(message->status, "serving \\x1b[31m");
    EXPECT_EQ(message->sender, ::getpid());
    EXPECT_EQ(message->uid, ::getuid());
    EXPECT_EQ(socket.receive().value(), std::nullopt);
}

TEST_F(NotifyTest, OnlyOneMeansReady) {
    auto socket = NotifySocket::bind(path_).value();
    send("READY=0");
    send("READY=11");
    send("XREADY=1");
    send("");
    for (int i = 0; i < 4; ++i) {
        const auto message = socket.receive().value();
        ASSERT_TRUE(message);
        EXPECT_FALSE(message->ready);
        EXPECT_EQ(message->status, std::nullopt);
    }
}

TEST_F(NotifyTest, ADatagramAtTheBoundCountsAndOnePastItSaysNothing) {
    auto socket = NotifySocket::bind(path_).value();
    std::string datagram = "READY=1\nX=";
    datagram.resize(max_datagram_bytes, 'x');
    send(datagram);
    send(datagram + "x");
    send("READY=1");
    EXPECT_TRUE(socket.receive().value()->ready);
    EXPECT_FALSE(socket.receive().value()->ready);
    EXPECT_TRUE(socket.receive().value()->ready);
}

TEST_F(NotifyTest, AStatusIsCutAtItsBound) {
    auto socket = NotifySocket::bind(path_).value();
    send("STATUS=" + std::string(max_status_bytes, 'x'));
    send("STATUS=" + std::string(max_status_bytes + 1, 'x'));
    EXPECT_EQ(socket.receive().value()->status, std::string(max_status_bytes, 'x'));
    EXPECT_TRUE(socket.receive().value()->status->ends_with("…"));
}

TEST_F(NotifyTest, APassedDescriptorIsClosed) {
    auto socket = NotifySocket::bind(path_).value();
    auto pipe = make_pipe(O_NONBLOCK).value();
    send_with_fd("READY=1", pipe.write.fd());
    pipe.write.reset();
    char byte = 0;
    EXPECT_EQ(::read(pipe.read.fd(), &byte, 1), -1);  // the message still holds the writer
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_TRUE(socket.receive().value()->ready);
    EXPECT_EQ(::read(pipe.read.fd(), &byte, 1), 0);  // nobody holds it
}

TEST_F(NotifyTest, ADescriptorPassedWithTooLongADatagramIsClosedToo) {
    auto socket = NotifySocket::bind(path_).value();
    auto pipe = make_pipe(O_NONBLOCK).value();
    send_with_fd(std::string(max_datagram_bytes + 1, 'x'), pipe.write.fd());
    pipe.write.reset();
    ASSERT_TRUE(socket.receive().value());
    char byte = 0;
    EXPECT_EQ(::read(pipe.read.fd(), &byte, 1), 0);
}

TEST_F(NotifyTest, IsReachableByEveryoneAndClosedOnExec) {
    const auto old_mask = ::umask(0077);
    const auto socket = NotifySocket::bind(path_);
    ::umask(old_mask);
    ASSERT_TRUE(socket);
    struct stat info{};
    ASSERT_EQ(::stat(path_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0666U);
    EXPECT_NE(::fcntl(socket->fd(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(::fcntl(socket->fd(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(NotifyTest, ReplacesWhatAPredecessorLeft) {
    ASSERT_TRUE(NotifySocket::bind(path_));
    auto socket = NotifySocket::bind(path_);
    ASSERT_TRUE(socket);
    send("READY=1");
    EXPECT_TRUE(socket->receive().value()->ready);
}

TEST_F(NotifyTest, TakesAPathOf107BytesAndRefusesOneMore) {
    ASSERT_LT(folder_.size(), 100U);
    const std::string longest = folder_ + "/" + std::string(107 - folder_.size() - 1, 'x');
    EXPECT_TRUE(NotifySocket::bind(longest));
    const auto refused = NotifySocket::bind(longest + "x");
    EXPECT_EQ(refused.error().code, ENAMETOOLONG);
    EXPECT_EQ(refused.error().message,
              "bind the notify socket '" + longest + "x': its path has 108 bytes, between 1 and 107 can be bound");
    EXPECT_EQ(NotifySocket::bind("").error().code, ENAMETOOLONG);
}

TEST_F(NotifyTest, NamesAFolderThatIsMissing) {
    EXPECT_EQ(NotifySocket::bind("/no/such/s").error().message,
              "bind the notify socket '/no/such/s': no such file or directory");
}

TEST_F(NotifyTest, TellsTheServiceManager) {
    const auto manager = NotifySocket::bind(path_).value();
    ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
    const auto received = [&] {
        char data[512];
        const ssize_t n = ::recv(manager.fd(), data, sizeof data, 0);
        return std::string(data, n > 0 ? static_cast<std::size_t>(n) : 0);
    };
    notify_ready("4 pools\nall well");
    EXPECT_EQ(received(), "READY=1\nSTATUS=4 pools all well");
    notify_status("");
    EXPECT_EQ(received(), "STATUS=");
    notify_stopping("stopping", 90s);
    EXPECT_EQ(received(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=90000000\nSTATUS=stopping");
    const auto before = MonotonicClock::now().time_since_epoch().count();
    notify_reloading("reloading");
    const auto assignments = parse_assignments(received());
    EXPECT_EQ(assignments.at("RELOADING"), "1");
    EXPECT_EQ(assignments.at("STATUS"), "reloading");
    EXPECT_GE(parse_integer(assignments.at("MONOTONIC_USEC")).value(), before);
}

TEST_F(NotifyTest, SaysNothingWhereThereIsNoServiceManager) {
    notify_ready("x");
    ::setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
    notify_status("x");
}

TEST_F(NotifyTest, TheLoopServesTheWatchdog) {
    const auto manager = NotifySocket::bind(path_).value();
    ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
    ::setenv("WATCHDOG_USEC", "30000000", 1);
    const auto loop = Loop::make();
    ASSERT_TRUE(loop);
    char data[64];
    const ssize_t n = ::recv(manager.fd(), data, sizeof data, 0);
    ASSERT_GT(n, 0);
    EXPECT_EQ(std::string_view(data, static_cast<std::size_t>(n)), "WATCHDOG=1");
}

TEST(Assignments, AreTheFirstOfEachKey) {
    EXPECT_THAT(parse_assignments("A=1\nB=x=y\nA=2\nnothing\n=z\n\nC="),
                ElementsAre(Pair("A", "1"), Pair("B", "x=y"), Pair("C", "")));
    EXPECT_THAT(parse_assignments(""), IsEmpty());
    EXPECT_THAT(parse_assignments(std::string_view("A=\0b", 4)), ElementsAre(Pair("A", std::string("\0b", 2))));
}

}  // namespace
}  // namespace pinion::event
