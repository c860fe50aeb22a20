// SPDX-License-Identifier: Apache-2.0
#include "process/clone.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>

namespace pinion::process {
namespace {

// With CLONE_VM and no stack the child goes on with its parent's stack pointer, while the parent sleeps (CLONE_VFORK).
// It first steps below the red zone, so that nothing of the parent's frame is written, and then only calls. The child
// has its own registers; the compiler sees one instruction with one result.
[[gnu::noinline]] long clone3_and_call([[maybe_unused]] clone_args* arguments, [[maybe_unused]] void (*run)(void*),
                                       [[maybe_unused]] void* argument) noexcept {
#if defined(__x86_64__)
    long result;
    register void (*r8)(void*) asm("r8") = run;
    register void* r9 asm("r9") = argument;
    asm volatile(
        "syscall\n\t"
        "testq %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xorl %%ebp, %%ebp\n\t"
        "leaq -256(%%rsp), %%rsp\n\t"
        "andq $-16, %%rsp\n\t"
        "movq %%r9, %%rdi\n\t"
        "callq *%%r8\n\t"
        "ud2\n"
        "1:"
        : "=a"(result)
        : "a"(SYS_clone3), "D"(arguments), "S"(sizeof *arguments), "r"(r8), "r"(r9)
        : "rcx", "r11", "memory", "cc");
    return result;
#elif defined(__aarch64__)
    register long x8 asm("x8") = SYS_clone3;
    register long x0 asm("x0") = reinterpret_cast<long>(arguments);
    register long x1 asm("x1") = sizeof *arguments;
    register void (*x9)(void*) asm("x9") = run;
    register void* x10 asm("x10") = argument;
    asm volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, xzr\n\t"
        "mov x0, x10\n\t"
        "blr x9\n\t"
        "brk #1\n"
        "1:"
        : "+r"(x0)
        : "r"(x8), "r"(x1), "r"(x9), "r"(x10)
        : "memory", "cc");
    return x0;
#else
    return -ENOSYS;
#endif
}

}  // namespace

long clone_child(const CloneRequest& request, int& pidfd, void (*run)(void*), void* argument) noexcept {
    clone_args arguments{};
    arguments.flags = request.flags | CLONE_PIDFD;
    arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    arguments.stack = reinterpret_cast<std::uint64_t>(request.stack.data());
    arguments.stack_size = request.stack.size();
    if (request.cgroup_fd >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<std::uint64_t>(request.cgroup_fd);
    }
    if (request.cleared_at_exec != nullptr) {
        arguments.flags |= CLONE_CHILD_CLEARTID;
        arguments.child_tid = reinterpret_cast<std::uint64_t>(request.cleared_at_exec);
    }
    return clone3_and_call(&arguments, run, argument);
}

}  // namespace pinion::process
