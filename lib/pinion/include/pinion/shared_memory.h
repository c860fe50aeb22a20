// SPDX-License-Identifier: Apache-2.0
// Memory that several processes see: without a name for those forked from us or given the descriptor, with a name for
// all others. SharedValue and SharedArray are typed views of it.
#pragma once

#include <pinion/api.h>

#include <cstddef>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace pinion::inline v0 {

// Owns one mapping and its descriptor; other processes have theirs. A forked child may use its copy of this object as
// it is, at the same address.
class PINION_API SharedMemory {
public:
    // Zeroed memory without a name (a memfd). Throws std::system_error, and std::invalid_argument for no bytes at all.
    explicit SharedMemory(std::size_t bytes);
    // Zeroed memory by the name NAME in /dev/shm, as shm_open knows it; it must not be there yet (EEXIST). It stays
    // there until `unlink`.
    [[nodiscard]] static SharedMemory create(const std::string& name, std::size_t bytes);
    // What `create` made, in any process of the same user; the whole of it.
    [[nodiscard]] static SharedMemory open(const std::string& name);
    // From a descriptor, as passed over a socket; it is duplicated and stays the caller's.
    [[nodiscard]] static SharedMemory from_fd(int fd);
    // Takes the name away; memory in use stays. Whether there was one.
    static bool unlink(const std::string& name);

    SharedMemory(SharedMemory&& other) noexcept;
    SharedMemory& operator=(SharedMemory&& other) noexcept;
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;
    ~SharedMemory();

    // Page-aligned, and readable and writable.
    [[nodiscard]] void* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {static_cast<std::byte*>(data_), size_}; }
    // To pass on; close-on-exec, and this object's.
    [[nodiscard]] int fd() const noexcept { return fd_; }

private:
    SharedMemory(int fd, void* data, std::size_t size) noexcept : fd_(fd), data_(data), size_(size) {}
    friend struct SharedMemoryMaker;
    int fd_ = -1;
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

// One value that processes share. T holds no pointers to memory of its own: nothing that needs a destructor. It is as
// atomic as T is: use std::atomic<…> as T, or a Lock.
template <class T>
class SharedValue {
    static_assert(std::is_trivially_destructible_v<T>, "only what holds no memory of its own can be shared");

public:
    template <class... Args>
    explicit SharedValue(Args&&... args)
        : memory_(sizeof(T)), value_(new(memory_.data()) T(std::forward<Args>(args)...)) {}
    // A view of what already is in `memory`, as another process made it.
    [[nodiscard]] static SharedValue attach(SharedMemory memory) { return SharedValue(Attach{}, std::move(memory)); }

    [[nodiscard]] T& operator*() const noexcept { return *value_; }
    [[nodiscard]] T* operator->() const noexcept { return value_; }
    [[nodiscard]] const SharedMemory& memory() const noexcept { return memory_; }

private:
    struct Attach {};
    SharedValue(Attach, SharedMemory memory) : memory_(std::move(memory)), value_(static_cast<T*>(memory_.data())) {
        if (memory_.size() < sizeof(T)) throw std::invalid_argument("shared memory smaller than the value in it");
    }
    SharedMemory memory_;
    T* value_;
};

// Elements that processes share, all value-initialised at first.
template <class T>
class SharedArray {
    static_assert(std::is_trivially_destructible_v<T>, "only what holds no memory of its own can be shared");

public:
    explicit SharedArray(std::size_t size) : memory_(bytes_of(size)), size_(size) {
        for (std::size_t i = 0; i < size; ++i) new (data() + i) T();
    }
    // A view of all that fits into `memory`, as another process made it.
    [[nodiscard]] static SharedArray attach(SharedMemory memory) { return SharedArray(Attach{}, std::move(memory)); }

    [[nodiscard]] T* data() const noexcept { return static_cast<T*>(memory_.data()); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] T& operator[](std::size_t index) const noexcept { return data()[index]; }
    [[nodiscard]] T* begin() const noexcept { return data(); }
    [[nodiscard]] T* end() const noexcept { return data() + size_; }
    [[nodiscard]] const SharedMemory& memory() const noexcept { return memory_; }

private:
    struct Attach {};
    SharedArray(Attach, SharedMemory memory) : memory_(std::move(memory)), size_(memory_.size() / sizeof(T)) {}
    static std::size_t bytes_of(std::size_t size) {
        if (size > static_cast<std::size_t>(-1) / sizeof(T)) throw std::length_error("shared array too large");
        return size * sizeof(T);
    }
    SharedMemory memory_;
    std::size_t size_;
};

}  // namespace pinion::inline v0
