// SPDX-License-Identifier: Apache-2.0
#include "log/console_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "log/messages.h"

namespace pinion::log {
namespace {

using namespace std::chrono_literals;

Record lifecycle(Priority priority, std::string message) {
    return {.priority = priority,
            .message = std::move(message),
            .kind = &messages::worker_died,
            .identifier = "piniond",
            .fields = {{"PINION_POOL", "web"}, {"PINION_SLOT", "3"}}};
}

Record output(std::string message) {
    Record record = lifecycle(Priority::info, std::move(message));
    record.kind = nullptr;
    record.identifier = "web";
    return record;
}

// What can be read from `fd` without waiting.
std::string read_now(int fd) {
    char data[65536];
    const ssize_t n = ::read(fd, data, sizeof data);
    return n > 0 ? std::string(data, static_cast<std::size_t>(n)) : std::string();
}

// Sets an environment variable (or unsets it, for null) for the life of the object.
class Variable {
public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* old = std::getenv(name)) old_ = old;
        set(value);
    }
    ~Variable() { set(old_ ? old_->c_str() : nullptr); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

private:
    void set(const char* value) const {
        if (value != nullptr)
            ::setenv(name_, value, 1);
        else
            ::unsetenv(name_);
    }
    const char* name_;
    std::optional<std::string> old_;
};

// A terminal's two sides.
struct Terminal {
    UniqueFd controller{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    UniqueFd device;
    Terminal() {
        EXPECT_EQ(::grantpt(controller.fd()), 0);
        EXPECT_EQ(::unlockpt(controller.fd()), 0);
        device = UniqueFd(::open(::ptsname(controller.fd()), O_RDWR | O_NOCTTY | O_CLOEXEC));
        EXPECT_TRUE(device);
    }
};

TEST(ConsoleText, NamesLevelAndWho) {
    EXPECT_EQ(console_text(lifecycle(Priority::warning, "web/3: exit 1; restarting at once"), false),
              "warning web/3: exit 1; restarting at once");
    EXPECT_EQ(console_text(lifecycle(Priority::err, "it went"), false), "err     web/3: it went");
    EXPECT_EQ(console_text({.priority = Priority::notice,
                            .message = "started",
                            .kind = &messages::daemon_started,
                            .identifier = "piniond",
                            .fields = {}},
                           false),
              "notice  piniond: started");
    EXPECT_EQ(console_text({.message = "web: removed",
                            .kind = &messages::pool_removed,
                            .identifier = "piniond",
                            .fields = {{"PINION_POOL", "web"}}},
                           false),
              "info    web: removed");
}

TEST(ConsoleText, TellsOutputFromLifecycle) {
    EXPECT_EQ(console_text(output("web/3: exit 1"), false), "info    web/3 | web/3: exit 1");
    EXPECT_EQ(console_text(output(""), false), "info    web/3 | ");
}

TEST(ConsoleText, EscapesWhatATerminalWouldObey) {
    EXPECT_EQ(console_text(output("a\x1b[2J\tb\r\x07"), false), "info    web/3 | a\\x1b[2J b\\x0d\\x07");
    EXPECT_EQ(console_text(output("line\nline"), true), "info    web/3 | line\\x0aline");
    EXPECT_EQ(console_text(output("\xff"), false), "info    web/3 | \\xff");
}

TEST(ConsoleText, ColoursTheLevelWordOnly) {
    EXPECT_EQ(console_text(lifecycle(Priority::emerg, "x"), true), "\x1b[31memerg\x1b[0m   web/3: x");
    EXPECT_EQ(console_text(lifecycle(Priority::err, "x"), true), "\x1b[31merr\x1b[0m     web/3: x");
    EXPECT_EQ(console_text(lifecycle(Priority::warning, "x"), true), "\x1b[33mwarning\x1b[0m web/3: x");
    EXPECT_EQ(console_text(lifecycle(Priority::notice, "x"), true), "\x1b[1mnotice\x1b[0m  web/3: x");
    EXPECT_EQ(console_text(lifecycle(Priority::info, "x"), true), "info    web/3: x");
    EXPECT_EQ(console_text(lifecycle(Priority::debug, "x"), true), "debug   web/3: x");
}

TEST(Colour, IsForTerminalsThatTakeIt) {
    EXPECT_TRUE(wants_colour(true, nullptr, "xterm"));
    EXPECT_TRUE(wants_colour(true, "", "xterm"));
    EXPECT_FALSE(wants_colour(false, nullptr, "xterm"));
    EXPECT_FALSE(wants_colour(true, "1", "xterm"));
    EXPECT_FALSE(wants_colour(true, nullptr, "dumb"));
    EXPECT_FALSE(wants_colour(true, nullptr, ""));
    EXPECT_FALSE(wants_colour(true, nullptr, nullptr));
}

TEST(ConsoleSink, StampsLocalTimeInMilliseconds) {
    const Variable zone("TZ", "UTC-2");
    ::tzset();
    auto pipe = make_pipe(O_NONBLOCK).value();
    const auto sink = make_console_sink(std::move(pipe.write));
    Record record = lifecycle(Priority::info, "web/3: ready");
    record.at = WallTime(12h + 34min + 56s + 7ms + 999us);
    ASSERT_TRUE(sink->write(record));
    record.at += 1h;
    ASSERT_TRUE(sink->write(record));
    EXPECT_EQ(read_now(pipe.read.fd()), "14:34:56.007 info    web/3: ready\n15:34:56.007 info    web/3: ready\n");
}

TEST(ConsoleSink, ColoursATerminalAndNothingElse) {
    const Variable term("TERM", "xterm");
    const Variable no_color("NO_COLOR", nullptr);
    Terminal terminal;
    ASSERT_TRUE(make_console_sink(std::move(terminal.device))->write(lifecycle(Priority::err, "x")));
    EXPECT_NE(read_now(terminal.controller.fd()).find("\x1b[31merr\x1b[0m"), std::string::npos);
    auto pipe = make_pipe(O_NONBLOCK).value();
    ASSERT_TRUE(make_console_sink(std::move(pipe.write))->write(lifecycle(Priority::err, "x")));
    EXPECT_EQ(read_now(pipe.read.fd()).find('\x1b'), std::string::npos);
}

TEST(ConsoleSink, RespectsNoColorOnATerminal) {
    const Variable term("TERM", "xterm");
    const Variable no_color("NO_COLOR", "1");
    Terminal terminal;
    ASSERT_TRUE(make_console_sink(std::move(terminal.device))->write(lifecycle(Priority::err, "x")));
    const auto text = read_now(terminal.controller.fd());
    EXPECT_FALSE(text.empty());
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(ConsoleSink, SaysThatStderrIsClosed) {
    const auto sink = make_console_sink(UniqueFd());
    EXPECT_EQ(sink->write(lifecycle(Priority::err, "x")).error(),
              (Error{EBADF, "write to the console: bad file descriptor"}));
}

TEST(ConsoleSink, SurvivesAReaderThatWentAway) {
    auto pipe = make_pipe().value();
    pipe.read.reset();
    const auto sink = make_console_sink(std::move(pipe.write));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(sink->write(lifecycle(Priority::err, "x")).error().code, EPIPE);
    sigset_t pending;
    ASSERT_EQ(sigpending(&pending), 0);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
    sigset_t blocked;
    ASSERT_EQ(pthread_sigmask(SIG_BLOCK, nullptr, &blocked), 0);
    EXPECT_EQ(sigismember(&blocked, SIGPIPE), 0);
}

TEST(ConsoleSink, AnErrorIsToldOnceAndForgotten) {
    auto full = make_console_sink(open_file("/dev/full", O_WRONLY).value());
    EXPECT_EQ(full->write(lifecycle(Priority::err, "x")).error().code, ENOSPC);
    auto pipe = make_pipe(O_NONBLOCK).value();
    const auto sink = make_console_sink(std::move(pipe.write));
    EXPECT_TRUE(sink->write(lifecycle(Priority::err, "x")));
    EXPECT_TRUE(sink->write(lifecycle(Priority::err, "y")));
}

TEST(ConsoleSink, WaitsForAFullNonBlockingPipe) {
    auto pipe = make_pipe().value();
    ASSERT_EQ(::fcntl(pipe.write.fd(), F_SETFL, O_NONBLOCK), 0);
    std::size_t filled = 0;
    const std::string block(4096, '.');
    while (::write(pipe.write.fd(), block.data(), block.size()) > 0) filled += block.size();
    const auto sink = make_console_sink(std::move(pipe.write));
    Result<void> outcome = fail("not run");
    std::thread writer([&] { outcome = sink->write(output(std::string(10'000, 'x'))); });
    std::string all;
    while (all.find('\n') == std::string::npos) all += read_now(pipe.read.fd());
    writer.join();
    EXPECT_TRUE(outcome);
    EXPECT_TRUE(all.ends_with(std::string(10'000, 'x') + "\n"));
    EXPECT_GT(all.size(), filled + 10'000);
}

}  // namespace
}  // namespace pinion::log
