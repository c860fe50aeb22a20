// SPDX-License-Identifier: Apache-2.0
// Frames: what C++ workers and the job socket speak. A header of 24 bytes, little-endian, then the payload:
//
//     0        4     5      6      8         16              20          24
//     | length | type | codec | flags | id     | remaining_ms  | reserved  | payload … (length bytes)
//
// A reader takes bytes as they come and gives whole frames. It never holds more than the payload that was announced
// *and* allowed, and no more than twice what has arrived of it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pinion::wire {

inline constexpr std::size_t frame_header_bytes = 24;

// What the payload is.
enum class FrameCodec : std::uint8_t {
    raw = 0,   // bytes
    json = 1,  // one JSON document
    body = 2,  // a JSON document and items, as job_messages.h has it
};

struct FrameHeader {
    std::uint32_t length = 0;  // of the payload, in bytes
    std::uint8_t type = 0;     // see job_messages.h
    FrameCodec codec = FrameCodec::raw;
    std::uint16_t flags = 0;
    std::uint64_t id = 0;            // of the attempt, or the client's number of the request
    std::uint32_t remaining_ms = 0;  // until the attempt's deadline; 0: none
    bool operator==(const FrameHeader&) const = default;
};

[[nodiscard]] std::array<char, frame_header_bytes> encode_header(const FrameHeader& header) noexcept;

// The header in the first 24 bytes of `bytes`, which must be there. Refuses unknown codecs, reserved bits that are set,
// and a length past `max_payload`; the error says which.
[[nodiscard]] Result<FrameHeader> decode_header(std::string_view bytes, std::size_t max_payload);

// Appends the frame; `header.length` is set from the payload.
void append_frame(std::string& out, FrameHeader header, std::string_view payload);

class FrameReader {
public:
    explicit FrameReader(std::size_t max_payload) noexcept : max_payload_(max_payload) {}

    // Takes bytes and calls `on_frame(const FrameHeader&, std::string_view payload)` for each frame that they complete;
    // the payload is valid during the call. After an error the stream is of no use: nothing more is taken.
    template <class OnFrame>
    [[nodiscard]] Result<void> feed(std::string_view bytes, OnFrame&& on_frame) {
        while (!bytes.empty()) {
            if (failed_) return fail("read frame: the stream is broken");
            if (!in_payload_ && header_size_ == 0 && bytes.size() >= frame_header_bytes) {
                PINION_CHECK(begin(bytes));
                bytes.remove_prefix(frame_header_bytes);
                if (bytes.size() >= header_.length) {  // all of it is here: no copy
                    in_payload_ = false;
                    on_frame(header_, bytes.substr(0, header_.length));
                    bytes.remove_prefix(header_.length);
                    continue;
                }
            } else if (!in_payload_) {
                const std::size_t some = std::min(frame_header_bytes - header_size_, bytes.size());
                std::copy_n(bytes.data(), some, partial_.data() + header_size_);
                header_size_ += some;
                bytes.remove_prefix(some);
                if (header_size_ < frame_header_bytes) return {};
                PINION_CHECK(begin({partial_.data(), partial_.size()}));
            }
            collect(bytes);
            if (payload_.size() < header_.length) return {};
            in_payload_ = false;
            on_frame(header_, std::string_view(payload_.data(), payload_.size()));
            payload_.clear();
            if (payload_.capacity() > kept_bytes) std::vector<char>().swap(payload_);
        }
        return {};
    }

    // Whether the stream ends between two frames.
    [[nodiscard]] bool at_boundary() const noexcept { return !in_payload_ && header_size_ == 0; }
    // What is held, for the accounts.
    [[nodiscard]] std::size_t held_bytes() const noexcept { return payload_.capacity(); }

    static constexpr std::size_t kept_bytes = 64 << 10;  // a larger buffer is given back after its frame

private:
    [[nodiscard]] Result<void> begin(std::string_view header);
    void collect(std::string_view& bytes);

    std::size_t max_payload_;
    std::array<char, frame_header_bytes> partial_{};
    std::size_t header_size_ = 0;  // bytes of the header that have come
    FrameHeader header_;
    std::vector<char> payload_;  // a vector takes no more than it is asked to reserve
    bool in_payload_ = false;
    bool failed_ = false;
};

}  // namespace pinion::wire
