// SPDX-License-Identifier: Apache-2.0
#include "pinion/command.h"

#include <fcntl.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "base/text.h"
#include "pinion/affinity.h"
#include "pinion/globals.h"
#include "process/spawn_methods.h"

namespace pinion::inline v0 {
namespace {

using Spawned = std::expected<process::Child, SpawnFailure>;

std::vector<std::string> environment_with(const std::map<std::string, std::string>& added) {
    std::map<std::string, std::string> all;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string text = *entry;
        if (const auto equals = text.find('='); equals != std::string::npos)
            all.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    for (const auto& [name, value] : added) all[name] = value;
    std::vector<std::string> lines;
    for (const auto& [name, value] : all) lines.push_back(name + "=" + value);
    return lines;
}

// As execvp.
std::vector<std::string> candidates_for(const std::string& program, const std::vector<std::string>& env) {
    if (program.contains('/')) return {program};
    std::string path = "/usr/local/bin:/usr/bin:/bin";
    for (const auto& line : env)
        if (line.starts_with("PATH=")) path = line.substr(5);
    std::vector<std::string> paths;
    for (const auto folder : split(path, ':'))
        paths.push_back((folder.empty() ? std::string(".") : std::string(folder)) + "/" + program);
    return paths;
}

std::vector<const char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<const char*> pointers;
    for (const auto& text : texts) pointers.push_back(text.c_str());
    pointers.push_back(nullptr);
    return pointers;
}

// One that we closed is /dev/null to the program.
int standard_file(int fd) { return ::fcntl(fd, F_GETFD) < 0 ? -1 : fd; }

void check(const CommandSetup& setup) {
    if (setup.argv.empty() || setup.argv[0].empty()) throw std::invalid_argument("command without a program");
    const auto refuse = [](const std::string& text) {
        if (text.contains('\0')) throw std::invalid_argument("command with a NUL character");
    };
    for (const auto& word : setup.argv) refuse(word);
    for (const auto& [name, value] : setup.env) refuse(name + value);
    refuse(setup.cwd);
}

// The parent-death signal tells of the end of the thread that started the child: so those children are started by one
// thread that ends with the process. It is made with the first of them, and anew in a forked child.
class PermanentThread {
public:
    static Spawned run(const std::function<Spawned()>& job) {
        static PermanentThread* thread = nullptr;  // never ends, so it is never deleted
        static pid_t owner = -1;
        PermanentThread* here = nullptr;
        {
            const std::lock_guard guard(globals_mutex());
            if (owner != ::getpid()) {
                thread = new PermanentThread;
                owner = ::getpid();
            }
            here = thread;
        }
        return here->call(job);
    }

private:
    PermanentThread() {
        std::thread([this] { serve(); }).detach();
    }
    Spawned call(const std::function<Spawned()>& job) {
        const std::lock_guard one_at_a_time(calling_);
        std::unique_lock lock(mutex_);
        job_ = &job;
        changed_.notify_all();
        changed_.wait(lock, [this] { return result_.has_value(); });
        Spawned result = std::move(*result_);
        result_.reset();
        return result;
    }
    void serve() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return job_ != nullptr; });
            result_.emplace((*job_)());
            job_ = nullptr;
            changed_.notify_all();
        }
    }
    std::mutex calling_;
    std::mutex mutex_;
    std::condition_variable changed_;
    const std::function<Spawned()>* job_ = nullptr;
    std::optional<Spawned> result_;
};

}  // namespace

CommandChild start_command(const CommandSetup& setup) {
    check(setup);
    const auto env = environment_with(setup.env);
    const auto paths = candidates_for(setup.argv[0], env);
    const auto argv = pointers_to(setup.argv);
    const auto envp = pointers_to(env);
    const auto candidates = pointers_to(paths);
    const auto words = affinity_words(setup.cpus);

    process::ChildImage image;
    image.argv = argv.data();
    image.envp = envp.data();
    image.candidates = candidates.data();
    image.cwd = setup.cwd.empty() ? nullptr : setup.cwd.c_str();
    image.cpu_words = words.empty() ? nullptr : words.data();
    image.cpu_bytes = words.size() * sizeof(std::uint64_t);
    image.stdin_fd = standard_file(STDIN_FILENO);
    image.stdout_fd = standard_file(STDOUT_FILENO);
    image.stderr_fd = standard_file(STDERR_FILENO);
    image.own_session = false;
    image.set_umask = false;
    image.parent_pid = ::getpid();
    image.die_with_parent = setup.die_with_parent;

    // By vfork: the other way holds low descriptors, which are the program's.
    const auto spawn = [&image] { return process::spawn_by_vfork(image, -1); };
    auto child = setup.die_with_parent ? PermanentThread::run(spawn) : spawn();
    if (!child)
        throw std::system_error(child.error().error, std::generic_category(),
                                std::string(to_string(child.error().stage)) + " '" + child.error().object + "'");
    return {child->pid, std::move(child->pidfd)};
}

}  // namespace pinion::inline v0
