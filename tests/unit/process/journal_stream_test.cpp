// SPDX-License-Identifier: Apache-2.0
// A worker that connects its outputs to journald by itself, seen from a journald of our own.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>

#include "harness.h"

namespace pinion::process {
namespace {

using test::Method;

// Listens where journald would. A backlog of 0 and no accept: the second connection finds it full.
class JournalStream : public testing::TestWithParam<Method> {
protected:
    JournalStream() {
        char folder[] = "/tmp/pinion-journal-XXXXXX";
        folder_ = ::mkdtemp(folder);
        path_ = folder_ + "/stdout";
    }
    ~JournalStream() override { std::filesystem::remove_all(folder_); }

    void listen(int backlog) {
        listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::bind(listener_.fd(), reinterpret_cast<const sockaddr*>(&address()), sizeof(sockaddr_un)), 0);
        ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
        ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
        ASSERT_EQ(::listen(listener_.fd(), backlog), 0);
    }

    UniqueFd connect() {
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const int result = ::connect(fd.fd(), reinterpret_cast<const sockaddr*>(&address()), sizeof(sockaddr_un));
        return result == 0 ? std::move(fd) : UniqueFd();
    }

    const sockaddr_un& address() {
        address_.sun_family = AF_UNIX;
        path_.copy(address_.sun_path, sizeof address_.sun_path - 1);
        return address_;
    }

    // A script with its output there, or in `out_` where that does not answer.
    Child start(const std::string& script, const std::optional<Identity>& identity = std::nullopt) {
        out_ = make_pipe().value();
        PoolSpec spec = test::script_of(script);
        spec.identity = identity;
        const cpu::Seat seat;
        const auto image = ImageBuffer::build({.spec = spec,
                                               .seat = seat,
                                               .generation = 1,
                                               .stdout_fd = out_.write.fd(),
                                               .journal_socket = path_,
                                               .journal_headers = {"web\n\n6\n1\n0\n0\n0\n", ""}});
        auto child = test::spawn_with(GetParam(), image->image());
        out_.write.reset();
        if (!child) ADD_FAILURE() << to_string(child.error());
        return std::move(child).value();
    }

    std::string folder_;
    std::string path_;
    sockaddr_un address_{};
    UniqueFd listener_;
    Pipe out_;
};

INSTANTIATE_TEST_SUITE_P(By, JournalStream, test::all_methods(), test::method_name);

TEST_P(JournalStream, IsTheWorkersOwn) {
    listen(8);
    const Child child = start("echo hello; exec sleep 1000");
    const UniqueFd stream(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    ucred peer{};
    socklen_t size = sizeof peer;
    ASSERT_EQ(::getsockopt(stream.fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
    EXPECT_EQ(peer.pid, child.pid);
    std::string header;
    for (int i = 0; i < 7; ++i) header += test::read_line(stream.fd()) + "\n";
    EXPECT_EQ(header, "web\n\n6\n1\n0\n0\n0\n");
    EXPECT_EQ(test::read_line(stream.fd()), "hello");
    EXPECT_EQ(test::read_to_end(out_.read.fd()), "") << "the pipe should have no writer any more";
    EXPECT_TRUE(send_signal(child.pidfd.fd(), SIGKILL));
    test::await_death(child);
}

TEST_P(JournalStream, HasTheIdsOfTheWorkersUser) {
    if (!test::is_root()) GTEST_SKIP() << "only root can become another user";
    listen(8);
    const Child child = start("echo hello", Identity{"nobody", "/", 65534, 65533, {}});
    const UniqueFd stream(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    ucred peer{};
    socklen_t size = sizeof peer;
    ASSERT_EQ(::getsockopt(stream.fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
    EXPECT_EQ(peer.uid, 65534U);
    EXPECT_EQ(peer.gid, 65533U);
    test::await_death(child);
}

TEST_P(JournalStream, BlocksTheWorkersWritesAndLeavesOneDescriptor) {
    listen(8);
    const Child child = start("ls /proc/self/fd; exec grep flags /proc/self/fdinfo/1");
    const UniqueFd stream(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    test::await_death(child);
    const std::string text = test::read_to_end(stream.fd());
    EXPECT_TRUE(text.ends_with("\n0\n1\n2\n3\nflags:\t02\n")) << text;  // O_RDWR, without O_NONBLOCK
}

TEST_P(JournalStream, GivesWayToThePipeWhereNobodyListens) {
    const Child child = start("echo hello");
    EXPECT_EQ(test::read_to_end(out_.read.fd()), "hello\n");
    EXPECT_EQ(to_string(test::await_death(child)), "exit 0");
}

TEST_P(JournalStream, GivesWayToThePipeWhereTheListenerDoesNotAnswer) {
    listen(0);
    const UniqueFd first = connect();
    ASSERT_TRUE(first);
    ASSERT_FALSE(connect()) << "the backlog should be full";
    const Child child = start("echo hello");
    EXPECT_EQ(test::read_to_end(out_.read.fd()), "hello\n");
    EXPECT_EQ(to_string(test::await_death(child)), "exit 0");
}

}  // namespace
}  // namespace pinion::process
