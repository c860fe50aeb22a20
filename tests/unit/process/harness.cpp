// SPDX-License-Identifier: Apache-2.0
#include "harness.h"

#include <dirent.h>
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "process/spawn_methods.h"
#include "process/spawn_window.h"

namespace pinion::process::test {

PoolSpec spec_of(std::vector<std::string> argv) {
    PoolSpec spec;
    spec.name = "test";
    spec.command.argv = std::move(argv);
    return spec;
}

PoolSpec script_of(const std::string& script) {
    std::string text;  // a dollar is ours unless doubled
    for (const char c : script) text += c == '$' ? std::string("$$") : std::string(1, c);
    return spec_of({"/bin/sh", "-c", text});
}

ImageBuffer image_of(const PoolSpec& spec, int stdout_fd, int stderr_fd, const cpu::Seat& seat) {
    auto buffer = ImageBuffer::build(
        {.spec = spec, .seat = seat, .generation = 1, .stdout_fd = stdout_fd, .stderr_fd = stderr_fd});
    if (!buffer) {
        ADD_FAILURE() << buffer.error().message;
        std::abort();
    }
    return std::move(*buffer);
}

std::string method_name(const testing::TestParamInfo<Method>& method) {
    switch (method.param) {
        case Method::clone: return "clone";
        case Method::vfork: return "vfork";
        case Method::fork: return "fork";
        case Method::window: return "window";
    }
    std::abort();
}

std::expected<Child, SpawnFailure> spawn_with(Method method, const ChildImage& image, int cgroup_fd) {
    switch (method) {
        case Method::clone: {
            auto result = spawn_by_clone(image, cgroup_fd);
            if (!result) ADD_FAILURE() << "no clone3 here";
            return std::move(result).value();
        }
        case Method::vfork: return spawn_by_vfork(image, cgroup_fd);
        case Method::fork: return spawn_by_fork(image, cgroup_fd);
        case Method::window: {
            SpawnWindow window;
            window.begin(image, cgroup_fd);
            return window.finish();
        }
    }
    std::abort();
}

bool wait_readable(int fd) {
    pollfd poll{fd, POLLIN, 0};
    int result = 0;
    do {
        result = ::poll(&poll, 1, 20'000);
    } while (result < 0 && errno == EINTR);
    return result == 1;
}

Death await_death(const Child& child) {
    EXPECT_TRUE(wait_readable(child.pidfd.fd())) << "process " << child.pid << " does not end";
    auto death = reap(child.pidfd.fd());
    if (!death || !*death) {
        ADD_FAILURE() << "process " << child.pid << " can't be reaped";
        return {};
    }
    return **death;
}

std::string read_to_end(int fd) {
    std::string text;
    char buffer[4096];
    while (wait_readable(fd)) {
        const ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n <= 0) break;
        text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
}

std::string read_line(int fd) {
    std::string line;
    char c = 0;
    while (wait_readable(fd) && ::read(fd, &c, 1) == 1 && c != '\n') line += c;
    return line;
}

Outcome run(Method method, const PoolSpec& spec, const cpu::Seat& seat) {
    auto pipe = make_pipe().value();
    const ImageBuffer image = image_of(spec, pipe.write.fd(), 2, seat);
    const auto child = spawn_with(method, image.image());
    pipe.write.reset();
    if (!child) {
        ADD_FAILURE() << to_string(child.error());
        return {};
    }
    Outcome outcome;
    outcome.output = read_to_end(pipe.read.fd());
    outcome.death = await_death(*child);
    return outcome;
}

std::vector<std::string> open_descriptors() {
    std::vector<std::string> found;
    DIR* dir = ::opendir("/proc/self/fd");
    while (const dirent* entry = ::readdir(dir)) {
        const std::string name = entry->d_name;
        if (name == "." || name == ".." || name == std::to_string(::dirfd(dir))) continue;
        std::error_code error;
        found.push_back(name + " " + std::filesystem::read_symlink("/proc/self/fd/" + name, error).string());
    }
    ::closedir(dir);
    std::ranges::sort(found);
    return found;
}

bool is_root() { return ::geteuid() == 0; }

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace pinion::process::test
