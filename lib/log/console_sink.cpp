// SPDX-License-Identifier: Apache-2.0
// spdlog stamps and frames the lines; the last step, to the file descriptor, is ours, since spdlog's own sinks neither
// tell a failed write nor survive one that would block.
#include "log/console_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "model/limits.h"

namespace pinion::log {
namespace {

constexpr std::size_t level_width = 7;  // of "warning"

// Every byte may become \xNN.
constexpr std::size_t max_console_bytes = 4 * limits::max_line_bytes;

// SGR codes that stand out on any palette; "" for the ordinary levels.
std::string_view colour_of(Priority priority) noexcept {
    if (priority <= Priority::err) return "\x1b[31m";
    if (priority == Priority::warning) return "\x1b[33m";
    if (priority == Priority::notice) return "\x1b[1m";
    return "";
}

std::string_view field_of(const Record& record, std::string_view name) noexcept {
    const auto found = std::ranges::find(record.fields, name, [](const auto& field) { return field.first; });
    return found != record.fields.end() ? std::string_view(found->second) : std::string_view();
}

// "web/3", "web", or the identifier.
std::string who_of(const Record& record) {
    const auto pool = field_of(record, "PINION_POOL");
    if (pool.empty()) return record.identifier;
    const auto slot = field_of(record, "PINION_SLOT");
    return slot.empty() ? std::string(pool) : std::string(pool) + "/" + std::string(slot);
}

// Keeps SIGPIPE from this thread while it writes: a reader that went away is an error like any other.
class NoSigpipe {
public:
    NoSigpipe() noexcept {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~NoSigpipe() {
        if (sigismember(&before_, SIGPIPE) == 1) return;
        const int saved = errno;
        const timespec at_once{};
        while (sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = saved;
    }
    NoSigpipe(const NoSigpipe&) = delete;
    NoSigpipe& operator=(const NoSigpipe&) = delete;

private:
    sigset_t pipe_{};
    sigset_t before_{};
};

Result<void> write_waiting(int fd, std::string_view data) {
    const NoSigpipe guard;
    while (!data.empty()) {
        const ssize_t n = ::write(fd, data.data(), data.size());
        if (n >= 0) {
            data.remove_prefix(static_cast<std::size_t>(n));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return fail_last("write to the console");
        // Somebody made the terminal or pipe non-blocking, which is shared with us.
        pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
        if (::poll(&ready, 1, -1) < 0 && errno != EINTR) return fail_last("write to the console");
    }
    return {};
}

// spdlog's side: takes formatted lines and keeps what became of the last one.
class FdSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    explicit FdSink(UniqueFd fd) : fd_(std::move(fd)) {}
    [[nodiscard]] Result<void> take_outcome() { return std::exchange(outcome_, {}); }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        outcome_ = write_waiting(fd_.fd(), {line.data(), line.size()});
    }
    void flush_() override {}

private:
    UniqueFd fd_;
    Result<void> outcome_;
};

class ConsoleSink final : public Sink {
public:
    explicit ConsoleSink(UniqueFd fd)
        : colour_(wants_colour(::isatty(fd.fd()) == 1, std::getenv("NO_COLOR"), std::getenv("TERM"))),
          sink_(std::make_shared<FdSink>(std::move(fd))),
          logger_("console", sink_) {
        logger_.set_level(spdlog::level::trace);
        logger_.set_formatter(
            std::make_unique<spdlog::pattern_formatter>("%H:%M:%S.%e %v", spdlog::pattern_time_type::local, "\n"));
    }

    Result<void> write(const Record& record) override {
        const WallTime at = record.at == WallTime{} ? wall_now() : record.at;
        logger_.log(spdlog::log_clock::time_point(at), spdlog::source_loc{}, spdlog::level::info,
                    console_text(record, colour_));
        return sink_->take_outcome();
    }

private:
    bool colour_;
    std::shared_ptr<FdSink> sink_;  // shared with the logger, which wants it so
    spdlog::logger logger_;
};

}  // namespace

std::string console_text(const Record& record, bool colour) {
    std::string level = to_string(record.priority);
    const std::string padding(level_width - level.size() + 1, ' ');
    const auto code = colour ? colour_of(record.priority) : std::string_view();
    if (!code.empty()) level = std::string(code) + level + "\x1b[0m";

    const std::string who = who_of(record);
    std::string message = record.message;
    std::ranges::replace(message, '\t', ' ');
    message = printable(message, max_console_bytes);
    if (record.kind == nullptr) return level + padding + who + " | " + message;
    // Most sentences begin with their subject already.
    if (message.starts_with(who + ": ")) return level + padding + message;
    return level + padding + who + ": " + message;
}

bool wants_colour(bool terminal, const char* no_color, const char* term) noexcept {
    if (!terminal || (no_color != nullptr && *no_color != '\0')) return false;
    return term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
}

std::unique_ptr<Sink> make_console_sink(UniqueFd fd) { return std::make_unique<ConsoleSink>(std::move(fd)); }

std::unique_ptr<Sink> make_console_sink() {
    // A copy of our own: were descriptor 2 closed and given to another file, lines would be written into that.
    return make_console_sink(UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)));
}

}  // namespace pinion::log
