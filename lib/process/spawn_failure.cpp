// SPDX-License-Identifier: Apache-2.0
#include "process/spawn_failure.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fd.h"
#include "base/text.h"

namespace pinion::process {
namespace {

std::string program_name(const ChildImage& image) { return image.argv[0]; }

std::string cgroup_name(int cgroup_fd) {
    std::array<char, 4096> path{};
    const std::string link = "/proc/self/fd/" + std::to_string(cgroup_fd);
    const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
    return length > 0 ? std::string(path.data(), static_cast<std::size_t>(length)) : std::to_string(cgroup_fd);
}

std::string cpu_list(const ChildImage& image) {
    CpuSet cpus;
    for (std::uint32_t cpu = 0; cpu < image.cpu_bytes * 8; ++cpu)
        if ((image.cpu_words[cpu / 64] >> (cpu % 64) & 1) != 0) cpus.add(cpu);
    return cpus.to_list();
}

// "strict, nodes 0-1"
std::string memory_name(const ChildImage& image) {
    CpuSet nodes;
    for (std::uint32_t node = 0; node < image.node_bits; ++node)
        if ((image.node_words[node / 64] >> (node % 64) & 1) != 0) nodes.add(node);
    const char* policy = image.memory_mode == MPOL_BIND         ? "strict"
                         : image.memory_mode == MPOL_INTERLEAVE ? "interleave"
                                                                : "near";
    return std::string(policy) + ", nodes " + nodes.to_list();
}

std::string scheduler_name(const ChildImage& image, int detail) {
    if (detail == detail_nice) return "nice " + std::to_string(image.nice);
    if (detail == detail_io) return "io priority";
    return "scheduler policy";
}

std::string limit_name(const ChildImage& image, int detail) {
    static constexpr std::pair<int, const char*> names[] = {
        {RLIMIT_CPU, "cpu"},           {RLIMIT_FSIZE, "fsize"},
        {RLIMIT_DATA, "data"},         {RLIMIT_STACK, "stack"},
        {RLIMIT_CORE, "core"},         {RLIMIT_RSS, "rss"},
        {RLIMIT_NPROC, "nproc"},       {RLIMIT_NOFILE, "nofile"},
        {RLIMIT_MEMLOCK, "memlock"},   {RLIMIT_AS, "as"},
        {RLIMIT_LOCKS, "locks"},       {RLIMIT_SIGPENDING, "sigpending"},
        {RLIMIT_MSGQUEUE, "msgqueue"}, {RLIMIT_NICE, "nice"},
        {RLIMIT_RTPRIO, "rtprio"},     {RLIMIT_RTTIME, "rttime"}};
    const int resource = detail < 0 ? int{RLIMIT_NOFILE} : image.limits[detail].resource;
    const auto* found = std::ranges::find(names, resource, &std::pair<int, const char*>::first);
    return found != std::end(names) ? found->second : "limit " + std::to_string(resource);
}

std::string stdio_name(int detail) {
    static constexpr const char* names[] = {"stdin", "stdout", "stderr", "file table"};
    return names[std::clamp(detail, 0, detail_file_table)];
}

// ENOENT of a script that exists means its interpreter; a carriage return at its end is the usual cause.
std::string interpreter_of(const std::string& path) {
    const UniqueFd script(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::array<char, 256> head{};
    const ssize_t length = script ? ::read(script.fd(), head.data(), head.size()) : 0;
    std::string_view line(head.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    if (!line.starts_with("#!")) return {};
    line = line.substr(2, line.find('\n') - 2);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return printable(line.substr(0, line.find_first_of(" \t")), head.size());
}

std::string exec_name(const ChildImage& image, const StepFailure& failure) {
    const bool searched = image.candidates[0] != nullptr && image.candidates[1] != nullptr;
    if (failure.error != ENOENT) return searched ? std::string(image.candidates[failure.detail]) : program_name(image);
    for (int i = 0; image.candidates[i] != nullptr; ++i) {
        if (::access(image.candidates[i], F_OK) != 0) continue;
        const std::string interpreter = interpreter_of(image.candidates[i]);
        if (!interpreter.empty()) return interpreter + " (interpreter of " + image.candidates[i] + ")";
    }
    return program_name(image);
}

std::string user_name(const ChildImage& image) {
    if (image.user != nullptr) return image.user;
    return std::to_string(image.uid) + ":" + std::to_string(image.gid);
}

std::string object_of(const StepFailure& failure, const ChildImage& image, int cgroup_fd) {
    switch (failure.stage) {
        case SpawnStage::cgroup: return cgroup_name(cgroup_fd);
        case SpawnStage::affinity:
        case SpawnStage::read_back: return cpu_list(image);
        case SpawnStage::memory_policy: return memory_name(image);
        case SpawnStage::scheduler: return scheduler_name(image, failure.detail);
        case SpawnStage::limits: return limit_name(image, failure.detail);
        case SpawnStage::oom_score: return image.oom_score_adj;
        case SpawnStage::stdio: return stdio_name(failure.detail);
        case SpawnStage::credentials: return user_name(image);
        case SpawnStage::cwd: return image.cwd;
        case SpawnStage::exec: return exec_name(image, failure);
        case SpawnStage::fork:
        case SpawnStage::session:
        case SpawnStage::signals:
        case SpawnStage::umask:
        case SpawnStage::parent_death: break;
    }
    return program_name(image);
}

}  // namespace

SpawnFailure describe(const StepFailure& failure, const ChildImage& image, int cgroup_fd) {
    return SpawnFailure{failure.stage, failure.error, object_of(failure, image, cgroup_fd)};
}

bool is_cgroup_error(int error) noexcept {
    return error == EBADF || error == ENOENT || error == EACCES || error == EBUSY || error == EOPNOTSUPP ||
           error == ENODEV;
}

}  // namespace pinion::process
