// SPDX-License-Identifier: Apache-2.0
// System calls without libc between: no errno (the child of a vfork shares its parent's), no cancellation point, no
// process-wide credentials. Returns the kernel's value: the result, or -errno.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <type_traits>

// For functions that run in a child which shares its parent's memory: a sanitizer's marks would stay behind in it.
#define PINION_CHILD_CODE [[gnu::no_sanitize("address", "undefined", "thread")]]

namespace pinion::process {

static_assert(sizeof(long) == 8, "the 32-bit system calls for ids and limits have other names");

#if defined(__x86_64__)
[[gnu::always_inline]] inline long raw_syscall6(long number, long a, long b, long c, long d, long e, long f) noexcept {
    long result;
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
[[gnu::always_inline]] inline long raw_syscall6(long number, long a, long b, long c, long d, long e, long f) noexcept {
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    register long x5 asm("x5") = f;
    asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
#else
inline long raw_syscall6(long number, long a, long b, long c, long d, long e, long f) noexcept {
    const long result = ::syscall(number, a, b, c, d, e, f);
    return result == -1 ? -static_cast<long>(errno) : result;
}
#endif

// An argument of a system call as the register holds it.
template <class T>
[[gnu::always_inline]] inline long syscall_word(T value) noexcept {
    if constexpr (std::is_pointer_v<T>) {
        return reinterpret_cast<long>(value);
    } else {
        return static_cast<long>(value);
    }
}
[[gnu::always_inline]] inline long syscall_word(std::nullptr_t) noexcept { return 0; }

template <class A = long, class B = long, class C = long, class D = long, class E = long, class F = long>
[[gnu::always_inline]] inline long raw_syscall(long number, A a = {}, B b = {}, C c = {}, D d = {}, E e = {},
                                               F f = {}) noexcept {
    return raw_syscall6(number, syscall_word(a), syscall_word(b), syscall_word(c), syscall_word(d), syscall_word(e),
                        syscall_word(f));
}

}  // namespace pinion::process
