// SPDX-License-Identifier: Apache-2.0
// Everything a child needs between fork and exec, flattened before the fork: the child only reads it. Between fork and
// exec the child shares its parent's memory, so nothing here allocates, locks or owns.
#pragma once

#include <sys/resource.h>

#include <array>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "cpu/plan.h"
#include "model/cpu_set.h"
#include "model/pool_spec.h"

namespace pinion::process {

// What the child reads. All pointers lead into one buffer that ImageBuffer owns, or are null.
struct ChildImage {
    const char* const* argv = nullptr;        // null-terminated
    const char* const* envp = nullptr;        // null-terminated
    const char* const* candidates = nullptr;  // the paths to try with execve in turn, null-terminated
    const char* cwd = nullptr;
    const char* user = nullptr;                // the name behind `uid`, for messages; may be null
    const std::uint64_t* cpu_words = nullptr;  // null: leave the mask
    std::size_t cpu_bytes = 0;
    int memory_mode = -1;                       // MPOL_*, over the nodes of `node_words`; -1: leave the policy
    bool memory_is_wish = false;                // where the kernel has no such policy, or forbids it, do without
    const std::uint64_t* node_words = nullptr;  // a bit for each memory node
    std::size_t node_bits = 0;
    const std::uint32_t* groups = nullptr;
    std::size_t group_count = 0;
    const ResourceLimit* limits = nullptr;
    std::size_t limit_count = 0;
    const char* oom_score_adj = nullptr;   // the text to write; null: leave it
    const char* journal_socket = nullptr;  // where journald takes streams
    const char* journal_headers[2] = {};   // what to say there for standard output and error; null: not theirs
    int stdin_fd = -1;                     // -1: /dev/null
    int stdout_fd = -1;
    int stderr_fd = -1;
    bool own_session = true;  // the leader of a session; otherwise it stays in ours
    bool set_umask = true;    // otherwise it keeps ours
    std::uint32_t umask = 022;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    bool change_identity = false;
    bool set_nice = false;
    int nice = 0;
    int scheduler = -1;      // SCHED_*; -1: leave it
    int io_priority = -1;    // ioprio value; -1: leave it
    rlim_t nofile_soft = 0;  // RLIMIT_NOFILE as the daemon inherited it, restored unless `limits` sets its own
    rlim_t nofile_hard = 0;
    int parent_pid = 0;            // for the race between PDEATHSIG and the parent's own death
    bool die_with_parent = false;  // PR_SET_PDEATHSIG SIGKILL, after the credentials
};
static_assert(std::is_trivially_destructible_v<ChildImage>);
static_assert(std::is_trivially_copyable_v<ChildImage>);

// What the daemon adds to a pool's spec for one worker.
struct ImageRequest {
    const PoolSpec& spec;
    const cpu::Seat& seat;
    std::uint32_t slot = 0;
    std::uint64_t generation = 0;
    std::string notify_socket;  // NOTIFY_SOCKET; empty: none
    bool die_with_parent = false;
    rlimit nofile{};    // the daemon's own at its start
    int stdin_fd = -1;  // -1: /dev/null
    int stdout_fd = -1;
    int stderr_fd = -1;
    bool job_socket = false;  // `stdin_fd` is one, and PINION_FD says so
    // What stands before the command: the program that runs it for each job. The command's `${input}` is left to it.
    std::vector<std::string> runner;
    // A stream to journald of the worker's own, for standard output and error: the header that opens it; empty: none.
    // Where journald does not take it at once, `stdout_fd` and `stderr_fd` serve.
    std::string journal_socket;
    std::array<std::string, 2> journal_headers;
};

// Owns the memory that its image points into.
class ImageBuffer {
public:
    // Substitutes, builds argv and the environment (spec.env, PATH if unset, PINION_POOL, PINION_SLOT,
    // PINION_GENERATION, PINION_SEAT, PINION_CPUS, PINION_NUMA, NOTIFY_SOCKET, with an identity HOME, USER, LOGNAME,
    // SHELL unless set, and with a seat what `threads_env` names unless set), and the candidates for exec. PINION_CPUS
    // and PINION_NUMA are empty where the worker floats. The fds stay the caller's and must outlive the spawn. Fails
    // where a substitution does, on a NUL character, or where an argument or a variable outgrows limits::max_argv_bytes
    // (its final NUL counted, as the kernel does).
    [[nodiscard]] static Result<ImageBuffer> build(const ImageRequest& request);

    // Valid as long as this object, or the one it was moved to.
    [[nodiscard]] const ChildImage& image() const noexcept { return image_; }

    ImageBuffer(ImageBuffer&&) noexcept = default;
    ImageBuffer& operator=(ImageBuffer&&) noexcept = default;
    ImageBuffer(const ImageBuffer&) = delete;
    ImageBuffer& operator=(const ImageBuffer&) = delete;
    ~ImageBuffer() = default;

private:
    ImageBuffer() = default;
    ChildImage image_;
    std::vector<char> bytes_;  // one arena: a moved vector keeps its addresses, a moved std::string may not
    std::vector<const char*> pointers_;
    std::vector<std::uint64_t> words_;
    std::vector<std::uint64_t> node_words_;
    std::vector<std::uint32_t> groups_;
    std::vector<ResourceLimit> limits_;
};

}  // namespace pinion::process
