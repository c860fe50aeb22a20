// SPDX-License-Identifier: Apache-2.0
// Bytes on their way to another process, and from one: what a Codec writes to and reads from.
#pragma once

#include <pinion/api.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace pinion::inline v0 {

// Takes bytes, up to a limit: past it, std::length_error.
class Writer {
public:
    // Into a string that grows.
    explicit Writer(std::string& text) noexcept : text_(&text), size_(text.size()) {}
    // Into memory of a fixed size.
    explicit Writer(std::span<std::byte> room) noexcept : room_(room) {}

    void write(const void* data, std::size_t count) {
        if (count == 0) return;
        if (text_ != nullptr) {
            text_->append(static_cast<const char*>(data), count);
        } else {
            if (count > room_.size() - size_)
                throw std::length_error("value of more than " + std::to_string(room_.size()) + " bytes");
            std::memcpy(room_.data() + size_, data, count);
        }
        size_ += count;
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    // Forgets all after the first `size` bytes.
    void truncate(std::size_t size) {
        if (text_ != nullptr) text_->resize(size);
        size_ = size;
    }

private:
    std::string* text_ = nullptr;
    std::span<std::byte> room_;
    std::size_t size_ = 0;
};

// Gives bytes back; past the end, std::out_of_range.
class Reader {
public:
    explicit Reader(std::span<const std::byte> bytes) noexcept : left_(bytes) {}
    explicit Reader(std::string_view text) noexcept : left_(std::as_bytes(std::span(text.data(), text.size()))) {}

    void read(void* data, std::size_t count) {
        const std::byte* from = take(count);
        if (count > 0) std::memcpy(data, from, count);
    }
    // The next `count` bytes where they lie.
    [[nodiscard]] const std::byte* take(std::size_t count) {
        if (count > left_.size()) throw std::out_of_range("value that ends too early");
        const std::byte* from = left_.data();
        left_ = left_.subspan(count);
        return from;
    }
    [[nodiscard]] std::size_t left() const noexcept { return left_.size(); }

private:
    std::span<const std::byte> left_;
};

}  // namespace pinion::inline v0
