// SPDX-License-Identifier: Apache-2.0
#include "process/child_image.h"

#include <linux/mempolicy.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "base/ids.h"
#include "base/text.h"
#include "model/limits.h"
#include "model/substitution.h"

namespace pinion::process {
namespace {

// ioprio_set(2)'s numbers. <linux/ioprio.h> has them too, but some of its versions are no C++ (a parameter named
// class).
constexpr int io_class_shift = 13;
enum class KernelIoClass : int { realtime = 1, best_effort = 2, idle = 3 };

using Environment = std::map<std::string, std::string>;

// Memory nodes have the kernel's list format and its masks as CPUs have.
CpuSet node_set(const std::vector<std::uint32_t>& nodes) {
    CpuSet set;
    for (const std::uint32_t node : nodes) set.add(node);
    return set;
}

SubstitutionValues values_of(const ImageRequest& request) {
    return {request.spec.name, request.slot, request.seat.cpus.to_list(), node_set(request.seat.nodes).to_list()};
}

// A value that the pool gives is a word of its own: it stays.
void add_thread_counts(const ImageRequest& request, Environment& env) {
    if (request.seat.library_threads == 0) return;
    const ThreadsEnv wanted = threads_env_of(request.spec.cpu);
    const std::string count = std::to_string(request.seat.library_threads);
    for (const std::string& name : wanted.names) env.try_emplace(name, count);
    if (!wanted.automatic) return;
    for (const std::string_view name : thread_variables) env.try_emplace(std::string(name), count);
}

// The kernel refuses a longer string with E2BIG, and ends one at a NUL; told here, where its name is known.
Result<void> check_string(const std::string& text, const std::string& what) {
    if (text.size() + 1 > limits::max_argv_bytes)
        return fail_errno(E2BIG, what + " of " + std::to_string(text.size()) + " bytes (at most " +
                                     std::to_string(limits::max_argv_bytes - 1) + ")");
    if (text.contains('\0')) return fail_errno(EINVAL, what + " with a NUL character");
    return {};
}

using Replace = Result<std::string> (*)(std::string_view, const SubstitutionValues&);

Result<std::string> expand(const std::string& text, const SubstitutionValues& values, const std::string& what,
                           Replace replace = substitute) {
    auto result = replace(text, values);
    if (!result) return in_context(what, std::move(result).error());
    PINION_CHECK(check_string(*result, what));
    return result;
}

Result<std::vector<std::string>> build_argv(const ImageRequest& request, const SubstitutionValues& values) {
    const auto& command = request.spec.command.argv;
    if (command.empty()) return fail_errno(EINVAL, "command without a program");
    auto argv = request.runner;
    const auto replace = request.runner.empty() ? substitute : substitute_all_but_input;
    for (std::size_t i = 0; i < command.size(); ++i) {
        PINION_TRY(argument, expand(command[i], values, "command argument " + std::to_string(i), replace));
        argv.push_back(std::move(argument));
    }
    return argv;
}

// Root's programs may be in sbin; nobody else's need to.
const char* default_path(const PoolSpec& spec) {
    const std::uint32_t uid = spec.identity ? spec.identity->uid : ::geteuid();
    return uid == 0 ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" : "/usr/local/bin:/usr/bin:/bin";
}

Result<Environment> build_environment(const ImageRequest& request, const SubstitutionValues& values) {
    const PoolSpec& spec = request.spec;
    Environment env;
    for (const auto& [name, text] : spec.env) {
        PINION_TRY(value, expand(text, values, "environment variable '" + printable(name, 64) + "'"));
        env.emplace(name, std::move(value));
    }
    env.try_emplace("PATH", default_path(spec));
    if (spec.identity) {
        env.try_emplace("HOME", spec.identity->home.empty() ? "/" : spec.identity->home);
        env.try_emplace("USER", spec.identity->user);
        env.try_emplace("LOGNAME", spec.identity->user);
        env.try_emplace("SHELL", "/bin/sh");
    }
    add_thread_counts(request, env);
    // These are ours whatever the pool says: a tree is known by them.
    env["PINION_POOL"] = spec.name;
    env["PINION_SLOT"] = std::to_string(request.slot);
    env["PINION_GENERATION"] = std::to_string(request.generation);
    env["PINION_SEAT"] = slot_name(spec.name, Slot{request.slot});
    env["PINION_CPUS"] = values.cpus;
    env["PINION_NUMA"] = values.numa;
    if (!request.notify_socket.empty()) env["NOTIFY_SOCKET"] = request.notify_socket;
    if (request.job_socket) env["PINION_FD"] = "0";
    return env;
}

Result<std::vector<std::string>> flatten(const Environment& env) {
    std::vector<std::string> strings;
    for (const auto& [name, value] : env) {
        std::string text = name + "=" + value;
        PINION_CHECK(check_string(text, "environment variable '" + printable(name, 64) + "'"));
        strings.push_back(std::move(text));
    }
    return strings;
}

// As execvp: a program with a slash is taken as it is; an empty element of PATH is the worker's folder.
std::vector<std::string> find_candidates(const std::string& program, const std::string& path) {
    if (program.empty() || program.contains('/')) return {program};
    std::vector<std::string> candidates;
    for (const std::string_view folder : split(path, ':'))
        candidates.push_back((folder.empty() ? std::string(".") : std::string(folder)) + "/" + program);
    return candidates;
}

// An unprivileged daemon can't even set the groups it already has; a pool may still name the user that we are.
bool is_our_own(const Identity& identity) {
    uid_t real = 0, effective = 0, saved = 0;
    gid_t real_group = 0, effective_group = 0, saved_group = 0;
    if (::getresuid(&real, &effective, &saved) < 0 || ::getresgid(&real_group, &effective_group, &saved_group) < 0)
        return false;
    if (real != identity.uid || effective != identity.uid || saved != identity.uid) return false;
    if (real_group != identity.gid || effective_group != identity.gid || saved_group != identity.gid) return false;
    const int count = ::getgroups(0, nullptr);
    std::vector<gid_t> ours(static_cast<std::size_t>(std::max(count, 0)));
    if (count < 0 || ::getgroups(count, ours.data()) < 0) return false;
    std::vector<gid_t> wanted(identity.groups.begin(), identity.groups.end());
    for (auto* groups : {&ours, &wanted}) {
        std::erase(*groups, identity.gid);
        std::ranges::sort(*groups);
        groups->erase(std::ranges::unique(*groups).begin(), groups->end());
    }
    return ours == wanted;
}

int policy_number(const std::optional<SchedulerPolicy>& policy) {
    if (!policy) return -1;
    switch (*policy) {
        case SchedulerPolicy::other: return SCHED_OTHER;
        case SchedulerPolicy::batch: return SCHED_BATCH;
        case SchedulerPolicy::idle: return SCHED_IDLE;
    }
    return -1;
}

int io_number(const std::optional<IoPriority>& io) {
    if (!io) return -1;
    const auto value = [&](KernelIoClass io_class) {
        return static_cast<int>(io_class) << io_class_shift | static_cast<int>(io->level);
    };
    switch (io->io_class) {
        case IoClass::realtime: return value(KernelIoClass::realtime);
        case IoClass::best_effort: return value(KernelIoClass::best_effort);
        case IoClass::idle: return static_cast<int>(KernelIoClass::idle) << io_class_shift;
    }
    return -1;
}

int memory_mode(MemoryPolicy policy, std::size_t nodes) {
    switch (policy) {
        case MemoryPolicy::near: return nodes > 1 ? MPOL_PREFERRED_MANY : MPOL_PREFERRED;
        case MemoryPolicy::strict: return MPOL_BIND;
        case MemoryPolicy::interleave: return MPOL_INTERLEAVE;
        case MemoryPolicy::off: break;
    }
    return -1;
}

void set_scalars(ChildImage& image, const ImageRequest& request) {
    const PoolSpec& spec = request.spec;
    image.stdin_fd = request.stdin_fd;
    image.stdout_fd = request.stdout_fd;
    image.stderr_fd = request.stderr_fd;
    image.umask = spec.umask;
    image.set_nice = spec.nice.has_value();
    image.nice = spec.nice.value_or(0);
    image.scheduler = policy_number(spec.scheduler);
    image.io_priority = io_number(spec.io);
    image.nofile_soft = request.nofile.rlim_cur;
    image.nofile_hard = request.nofile.rlim_max;
    image.memory_mode = memory_mode(request.seat.memory, request.seat.memory_nodes.size());
    image.memory_is_wish = request.seat.memory == MemoryPolicy::near;
    image.parent_pid = ::getpid();
    image.die_with_parent = request.die_with_parent;
    if (!spec.identity || is_our_own(*spec.identity)) return;
    image.change_identity = true;
    image.uid = spec.identity->uid;
    image.gid = spec.identity->gid;
}

// Collects strings, then lays them end to end in one arena. A list's pointers end with a null.
class Arena {
public:
    // The place of a string among all; of a list's first string and its terminating null.
    std::size_t add(std::string_view text) {
        offsets_.push_back(bytes_.size());
        bytes_.insert(bytes_.end(), text.begin(), text.end());
        bytes_.push_back('\0');
        return offsets_.size() - 1;
    }
    std::size_t add_list(const std::vector<std::string>& texts) {
        const std::size_t first = offsets_.size();
        for (const std::string& text : texts) add(text);
        offsets_.push_back(null);
        return first;
    }
    void finish(std::vector<char>& bytes, std::vector<const char*>& pointers) {
        bytes = std::move(bytes_);
        for (const std::size_t offset : offsets_) pointers.push_back(offset == null ? nullptr : bytes.data() + offset);
    }

private:
    static constexpr std::size_t null = static_cast<std::size_t>(-1);
    std::vector<char> bytes_;
    std::vector<std::size_t> offsets_;
};

}  // namespace

Result<ImageBuffer> ImageBuffer::build(const ImageRequest& request) {
    const PoolSpec& spec = request.spec;
    const SubstitutionValues values = values_of(request);
    PINION_TRY(argv, build_argv(request, values));
    PINION_TRY(env, build_environment(request, values));
    PINION_TRY(envp, flatten(env));
    PINION_TRY(cwd, expand(spec.cwd, values, "cwd"));

    Arena arena;
    const std::size_t argv_at = arena.add_list(argv);
    const std::size_t envp_at = arena.add_list(envp);
    const std::size_t candidates_at = arena.add_list(find_candidates(argv[0], env["PATH"]));
    const std::size_t cwd_at = arena.add(cwd);
    const std::size_t user_at = arena.add(spec.identity ? spec.identity->user : "");
    const std::size_t oom_at = arena.add(std::to_string(spec.oom_score_adj.value_or(0)));
    const std::size_t socket_at = arena.add(request.journal_socket);
    const std::size_t headers_at = arena.add(request.journal_headers[0]);
    arena.add(request.journal_headers[1]);

    ImageBuffer buffer;
    arena.finish(buffer.bytes_, buffer.pointers_);
    buffer.words_ = request.seat.mask.words();
    buffer.node_words_ = node_set(request.seat.memory_nodes).words();
    buffer.limits_ = spec.limits;
    if (spec.identity) buffer.groups_ = spec.identity->groups;

    ChildImage& image = buffer.image_;
    set_scalars(image, request);
    image.argv = &buffer.pointers_[argv_at];
    image.envp = &buffer.pointers_[envp_at];
    image.candidates = &buffer.pointers_[candidates_at];
    image.cwd = buffer.pointers_[cwd_at];
    if (spec.identity) image.user = buffer.pointers_[user_at];
    if (spec.oom_score_adj) image.oom_score_adj = buffer.pointers_[oom_at];
    image.journal_socket = buffer.pointers_[socket_at];
    for (std::size_t i = 0; i < 2; ++i)
        if (!request.journal_headers[i].empty()) image.journal_headers[i] = buffer.pointers_[headers_at + i];
    image.cpu_words = buffer.words_.empty() ? nullptr : buffer.words_.data();
    image.cpu_bytes = buffer.words_.size() * sizeof(std::uint64_t);
    image.node_words = buffer.node_words_.data();
    image.node_bits = buffer.node_words_.size() * 64;
    if (buffer.node_words_.empty()) image.memory_mode = -1;
    image.groups = buffer.groups_.data();
    image.group_count = buffer.groups_.size();
    image.limits = buffer.limits_.data();
    image.limit_count = buffer.limits_.size();
    return buffer;
}

}  // namespace pinion::process
