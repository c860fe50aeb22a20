// SPDX-License-Identifier: Apache-2.0
#include "harness.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>

#include "wire/json.h"

extern char** environ;

namespace pinion::test {
namespace {

using Clock = std::chrono::steady_clock;

int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

int left_ms(Clock::time_point deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return left < 0 ? 0 : static_cast<int>(left);
}

struct Started {
    pid_t pid;
    UniqueFd in, out, err;
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (auto& string : strings) result.push_back(string.data());
    result.push_back(nullptr);
    return result;
}

Started start(std::vector<std::string> command, const std::vector<std::string>& environment, bool join_err) {
    auto in = make_pipe().value();
    auto out = make_pipe().value();
    auto err = make_pipe().value();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.read.fd(), 0);
    posix_spawn_file_actions_adddup2(&actions, out.write.fd(), 1);
    posix_spawn_file_actions_adddup2(&actions, join_err ? out.write.fd() : err.write.fd(), 2);
    std::vector<std::string> variables;
    for (char** entry = environ; *entry != nullptr; ++entry) variables.emplace_back(*entry);
    variables.insert(variables.end(), environment.begin(), environment.end());
    auto argv = pointers(command);
    auto envp = pointers(variables);
    pid_t pid = -1;
    const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    EXPECT_EQ(error, 0) << command[0] << ": " << std::strerror(error);
    return {pid, std::move(in.write), std::move(out.read), std::move(err.read)};
}

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

bool read_into(UniqueFd& fd, std::string& text) {
    char buffer[65536];
    const ssize_t n = ::read(fd.fd(), buffer, sizeof buffer);
    if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
    if (n == 0) fd.reset();
    return n > 0;
}

}  // namespace

ScratchFolder::ScratchFolder() {
    // Short: the sockets in it have at most 107 characters.
    std::string pattern = "/tmp/pinion-test-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void write_text(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    ASSERT_TRUE(file.good()) << path;
}

std::string binary(const std::string& name) { return std::string(PINION_BINARY_DIR) + "/" + name; }

std::string test_worker(const std::vector<std::string>& arguments) {
    std::string list = "[\"" + binary("test_worker") + "\"";
    for (const auto& argument : arguments) list += ", \"" + argument + "\"";
    return list + "]";
}

Output run(const std::vector<std::string>& command, const std::string& input,
           const std::vector<std::string>& environment) {
    auto child = start(command, environment, false);
    Output output;
    const auto deadline = Clock::now() + patience;
    if (!input.empty()) static_cast<void>(write_all(child.in.fd(), input));
    child.in.reset();
    while (child.out || child.err) {
        pollfd fds[2] = {{child.out.fd(), POLLIN, 0}, {child.err.fd(), POLLIN, 0}};
        if (::poll(fds, 2, left_ms(deadline)) == 0) {
            ::kill(child.pid, SIGKILL);
            output.code = 124;
            break;
        }
        if (fds[0].revents != 0) read_into(child.out, output.out);
        if (fds[1].revents != 0) read_into(child.err, output.err);
    }
    int status = 0;
    ::waitpid(child.pid, &status, 0);
    if (output.code != 124) output.code = exit_code(status);
    return output;
}

DaemonRun::DaemonRun(const std::string& config, DaemonOptions options)
    : reads_notifications_(options.read_notifications) {
    write_text(config_path(), config);
    const std::string notify_path = folder_ / "notify.sock";
    notify_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, notify_path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(notify_.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);

    auto command = options.prefix;
    for (const auto& word :
         {binary("piniond"), std::string("--config"), config_path(), std::string("--runtime-dir"), runtime_dir(),
          std::string("--state-dir"), folder_ / "state", std::string("--log"), std::string("console")})
        command.push_back(word);
    command.insert(command.end(), options.arguments.begin(), options.arguments.end());
    auto environment = options.environment;
    environment.push_back("NOTIFY_SOCKET=" + notify_path);
    auto child = start(command, environment, true);
    pid_ = child.pid;
    pidfd_ = UniqueFd(open_pidfd(pid_));
    output_ = std::move(child.out);
    ::fcntl(output_.fd(), F_SETFL, O_NONBLOCK);
    if (!options.wait_ready) return;

    const auto deadline = Clock::now() + patience;
    for (;;) {
        pollfd fds[2] = {{notify_.fd(), POLLIN, 0}, {pidfd_.fd(), POLLIN, 0}};
        if (::poll(fds, 2, left_ms(deadline)) <= 0 || fds[1].revents != 0) {
            ADD_FAILURE() << "piniond did not become ready:\n" << log();
            return;
        }
        char message[4096];
        const ssize_t n = ::recv(notify_.fd(), message, sizeof message - 1, 0);
        if (n > 0 && std::string_view(message, static_cast<std::size_t>(n)).find("READY=1") != std::string_view::npos)
            return;
    }
}

DaemonRun::~DaemonRun() {
    if (!code_ && pid_ > 0) stop();
    if (testing::Test::HasFailure()) std::fprintf(stderr, "--- piniond wrote:\n%s---\n", log().c_str());
}

bool DaemonRun::read_more(Clock::time_point deadline) {
    if (!output_) return false;
    pollfd fd{output_.fd(), POLLIN, 0};
    if (::poll(&fd, 1, left_ms(deadline)) <= 0) return false;
    return read_into(output_, log_);
}

std::string DaemonRun::wait_for(const std::string& text, std::chrono::seconds longest) {
    const auto deadline = Clock::now() + longest;
    for (;;) {
        std::size_t end;
        while ((end = log_.find('\n', consumed_)) != std::string::npos) {
            const std::string line = log_.substr(consumed_, end - consumed_);
            consumed_ = end + 1;
            if (line.find(text) != std::string::npos) return line;
        }
        if (!read_more(deadline)) {
            ADD_FAILURE() << "no line with '" << text << "' in:\n" << log_;
            return "";
        }
    }
}

void DaemonRun::wait_for_times(const std::string& text, int count) {
    for (int i = 0; i < count; ++i)
        if (wait_for(text).empty()) return;
}

const std::string& DaemonRun::log() {
    while (output_ && read_into(output_, log_)) {
    }
    return log_;
}

int DaemonRun::count(const std::string& text) {
    int found = 0;
    const auto& all = log();
    for (std::size_t at = all.find(text); at != std::string::npos; at = all.find(text, all.find('\n', at))) {
        ++found;
        if (all.find('\n', at) == std::string::npos) break;
    }
    return found;
}

void DaemonRun::save(const std::string& config) {
    write_text(config_path() + ".tmp", config);
    std::filesystem::rename(config_path() + ".tmp", config_path());
}

Output DaemonRun::ctl(std::vector<std::string> arguments) {
    std::vector<std::string> command{binary("pinionctl"), "--runtime-dir", runtime_dir()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    read_notifications();
    return run(command);
}

void DaemonRun::read_notifications() const {
    char message[4096];
    while (reads_notifications_ && ::recv(notify_.fd(), message, sizeof message, MSG_DONTWAIT) > 0) {
    }
}

pid_t DaemonRun::pid_of(const std::string& pool, int slot) {
    const auto status = wire::Json::parse(ctl({"status", pool, "--json"}).out);
    const auto* pools = status ? status->find("pools") : nullptr;
    if (pools == nullptr) return 0;
    for (const auto& row : pools->items()) {
        const auto* workers = row.find("workers");
        for (const auto& worker : workers != nullptr ? workers->items() : wire::Json::Array{})
            if (*row.find("name")->as_string() == pool && worker.find("slot")->as_int() == slot)
                return static_cast<pid_t>(worker.find("pid")->as_int().value_or(0));
    }
    return 0;
}

void DaemonRun::signal(int number) const { ::syscall(SYS_pidfd_send_signal, pidfd_.fd(), number, nullptr, 0); }

int DaemonRun::wait_exit() {
    if (code_) return *code_;
    // Its output is read on: a full pipe would keep it from ending.
    const auto deadline = Clock::now() + patience;
    bool ended = false;
    while (!ended) {
        pollfd fds[2] = {{pidfd_.fd(), POLLIN, 0}, {output_ ? output_.fd() : -1, POLLIN, 0}};
        if (::poll(fds, 2, left_ms(deadline)) <= 0) {
            ADD_FAILURE() << "piniond did not end:\n" << log_;
            signal(SIGKILL);
            break;
        }
        if (fds[1].revents != 0) read_into(output_, log_);
        ended = fds[0].revents != 0;
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    static_cast<void>(log());
    code_ = exit_code(status);
    return *code_;
}

int DaemonRun::stop() {
    if (!code_) signal(SIGTERM);
    return wait_exit();
}

std::vector<pid_t> processes_with(const std::string& mark) {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos || std::stoi(name) == ::getpid()) continue;
        for (const char* file : {"/environ", "/cmdline"}) {
            const auto text = read_file(entry.path().string() + file, 1 << 20);
            if (!text || text->find(mark) == std::string::npos) continue;
            found.push_back(std::stoi(name));
            break;
        }
    }
    return found;
}

std::string unique_mark() {
    static int count = 0;
    return "pinion-mark-" + std::to_string(::getpid()) + "-" + std::to_string(++count) + "-";
}

pid_t pid_in(const std::string& line) {
    const auto at = line.find("pid ");
    return at == std::string::npos ? 0 : static_cast<pid_t>(std::atoi(line.c_str() + at + 4));
}

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> children;
    const auto task = "/proc/" + std::to_string(pid) + "/task";
    for (const auto& thread : std::filesystem::directory_iterator(task)) {
        std::ifstream list(thread.path() / "children");
        for (pid_t child = 0; list >> child;) children.push_back(child);
    }
    return children;
}

std::size_t open_fds(pid_t pid) {
    // A connection that its client has closed, or a file that is being read, is there for a moment only: the least of
    // many looks is what stays.
    auto least = std::numeric_limits<std::size_t>::max();
    for (int look = 0; look < 200; ++look) {
        const auto folder = std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd");
        least = std::min(least, static_cast<std::size_t>(std::distance(begin(folder), end(folder))));
        ::sched_yield();
    }
    return least;
}

CgroupFolder::CgroupFolder() {
    std::ifstream mounts("/proc/self/mounts");
    std::string root;
    for (std::string device, folder, type, rest; mounts >> device >> folder >> type && std::getline(mounts, rest);)
        if (type == "cgroup2") root = folder;
    if (root.empty()) {
        trouble_ = "no cgroup2 file system is mounted here";
        return;
    }
    static int count = 0;
    const auto path = root + "/pinion-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    if (::mkdir(path.c_str(), 0755) < 0)
        trouble_ = "can't make '" + path + "': " + std::strerror(errno);
    else
        path_ = path;
}

CgroupFolder::~CgroupFolder() {
    if (path_.empty()) return;
    const auto left = folders();
    EXPECT_TRUE(left.empty()) << path_ << " still holds " << left.front();
    for (auto folder = left.rbegin(); folder != left.rend(); ++folder) ::rmdir((path_ + "/" + *folder).c_str());
    ::rmdir((path_ + "/_daemon").c_str());
    EXPECT_EQ(::rmdir(path_.c_str()), 0) << path_ << ": " << std::strerror(errno);
}

std::vector<std::string> CgroupFolder::folders() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_))
        if (entry.is_directory() && entry.path().filename() != "_daemon")
            found.push_back(std::filesystem::relative(entry.path(), path_));
    return found;
}

bool wait_gone(pid_t pid) {
    const UniqueFd pidfd(open_pidfd(pid));
    if (!pidfd) return true;
    pollfd fd{pidfd.fd(), POLLIN, 0};
    return ::poll(&fd, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) == 1;
}

}  // namespace pinion::test
