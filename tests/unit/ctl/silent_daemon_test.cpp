// SPDX-License-Identifier: Apache-2.0
// A daemon that hangs: its sockets take connections, as the kernel does for it, and nobody ever says a word.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/fd.h"
#include "ctl/commands.h"
#include "ctl_testing.h"
#include "wire/bus_names.h"

namespace pinion::ctl {
namespace {

using namespace std::chrono_literals;
using test::Outcome;

class SilentDaemon : public ::testing::Test {
protected:
    SilentDaemon() : control_(listen_at(bus::control_socket)), jobs_(listen_at("jobs.sock")) {}
    ~SilentDaemon() override { std::filesystem::remove_all(folder_); }

    UniqueFd listen_at(const std::string& name) {
        UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, (folder_ + "/" + name).c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(socket.fd(), 8), 0);
        return socket;
    }
    // The command must give up soon after its timeout, and say why.
    template <class Options>
    void expect_no_answer(const Options& options) {
        GlobalOptions global;
        global.runtime_dir = folder_;
        const auto from = std::chrono::steady_clock::now();
        const Outcome outcome = test::caught_run(options, global);
        EXPECT_LT(std::chrono::steady_clock::now() - from, 15s);
        EXPECT_EQ(outcome.exit, Exit::unreachable);
        EXPECT_NE(outcome.err.find("piniond does not answer"), std::string::npos) << outcome.err;
    }

    static std::string make_folder() {
        std::string folder = std::filesystem::temp_directory_path() / "pinion-silent-XXXXXX";
        EXPECT_NE(::mkdtemp(folder.data()), nullptr);
        return folder;
    }
    std::string folder_ = make_folder();
    UniqueFd control_, jobs_;
};

// Whoever gave up is still in the queue of a socket that nobody accepts from; once that is full, connect itself waits.
TEST_F(SilentDaemon, KeepsNobodyWaitingThatItHasNoPlaceFor) {
    std::vector<UniqueFd> waiting;
    for (const char* name : {bus::control_socket, "jobs.sock"}) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, (folder_ + "/" + name).c_str(), sizeof address.sun_path - 1);
        int full = 0;
        while (full == 0) {
            waiting.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            full = ::connect(waiting.back().fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
        }
        ASSERT_EQ(errno, EAGAIN);
    }
    expect_no_answer(WaitOptions{.pools = {"web"}, .timeout = Duration(100ms)});
    expect_no_answer(ActOptions{.verb = Verb::stop, .targets = {"web"}, .timeout = Duration(100ms)});
    expect_no_answer(ScaleOptions{.pool = "web", .workers = 2, .timeout = Duration(100ms)});
    expect_no_answer(WaitJobsOptions{.jobs = {1}, .timeout = Duration(100ms)});
}

TEST_F(SilentDaemon, KeepsNobodyWaitingForPoolsBeyondTheTimeout) {
    expect_no_answer(WaitOptions{.pools = {"web"}, .timeout = Duration(100ms)});
}

TEST_F(SilentDaemon, KeepsNobodyWaitingForAnOrderBeyondTheTimeout) {
    expect_no_answer(ActOptions{.verb = Verb::stop, .targets = {"web"}, .timeout = Duration(100ms)});
    expect_no_answer(ScaleOptions{.pool = "web", .workers = 2, .timeout = Duration(100ms)});
}

TEST_F(SilentDaemon, KeepsNobodyWaitingForJobsBeyondTheTimeout) {
    expect_no_answer(WaitJobsOptions{.jobs = {1}, .timeout = Duration(100ms)});
    expect_no_answer(ResultOptions{.jobs = {1}, .timeout = Duration(100ms)});
}

}  // namespace
}  // namespace pinion::ctl
