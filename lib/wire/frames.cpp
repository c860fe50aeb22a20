// SPDX-License-Identifier: Apache-2.0
#include "wire/frames.h"

#include "base/check.h"
#include "wire/little_endian.h"

namespace pinion::wire {

std::array<char, frame_header_bytes> encode_header(const FrameHeader& header) noexcept {
    std::array<char, frame_header_bytes> bytes{};
    put_u32(bytes.data(), header.length);
    bytes[4] = static_cast<char>(header.type);
    bytes[5] = static_cast<char>(header.codec);
    put_u16(bytes.data() + 6, header.flags);
    put_u64(bytes.data() + 8, header.id);
    put_u32(bytes.data() + 16, header.remaining_ms);
    return bytes;
}

Result<FrameHeader> decode_header(std::string_view bytes, std::size_t max_payload) {
    ASSERT(bytes.size() >= frame_header_bytes);
    FrameHeader header;
    header.length = take_u32(bytes.data());
    header.type = static_cast<std::uint8_t>(bytes[4]);
    const auto codec = static_cast<std::uint8_t>(bytes[5]);
    header.flags = take_u16(bytes.data() + 6);
    header.id = take_u64(bytes.data() + 8);
    header.remaining_ms = take_u32(bytes.data() + 16);
    if (codec > static_cast<std::uint8_t>(FrameCodec::body))
        return fail("read frame: unknown codec " + std::to_string(codec));
    header.codec = static_cast<FrameCodec>(codec);
    if (take_u32(bytes.data() + 20) != 0) return fail("read frame: reserved bits are set");
    if (header.length > max_payload)
        return fail("read frame: " + std::to_string(header.length) + " bytes announced, " +
                    std::to_string(max_payload) + " allowed");
    return header;
}

void append_frame(std::string& out, FrameHeader header, std::string_view payload) {
    ASSERT(payload.size() <= UINT32_MAX);
    header.length = static_cast<std::uint32_t>(payload.size());
    const auto bytes = encode_header(header);
    out.append(bytes.data(), bytes.size());
    out.append(payload);
}

Result<void> FrameReader::begin(std::string_view header) {
    auto decoded = decode_header(header, max_payload_);
    if (!decoded) {
        failed_ = true;
        return std::unexpected(std::move(decoded).error());
    }
    header_ = *decoded;
    header_size_ = 0;
    in_payload_ = true;
    return {};
}

void FrameReader::collect(std::string_view& bytes) {
    const std::size_t some = std::min(header_.length - payload_.size(), bytes.size());
    const std::size_t needed = payload_.size() + some;
    // Room grows with what arrives, so that an announcement alone costs nothing.
    if (needed > payload_.capacity())
        payload_.reserve(std::min<std::size_t>(header_.length, std::max(needed, 2 * payload_.size())));
    payload_.insert(payload_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(some));
    bytes.remove_prefix(some);
}

}  // namespace pinion::wire
