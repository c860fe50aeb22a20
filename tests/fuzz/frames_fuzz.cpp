// SPDX-License-Identifier: Apache-2.0
// Any bytes from a worker's or a client's socket, in pieces: never more is held than was announced and allowed, the
// same frames come however the bytes do, and every body that is read can be written again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "wire/frames.h"
#include "wire/job_messages.h"

namespace {

constexpr std::size_t max_payload = 4096;

struct Seen {
    pinion::wire::FrameHeader header;
    std::string payload;
    bool operator==(const Seen&) const = default;
};

std::vector<Seen> frames_of(std::string_view bytes, std::size_t piece, bool& failed) {
    pinion::wire::FrameReader reader(max_payload);
    std::vector<Seen> seen;
    failed = false;
    for (std::size_t at = 0; at < bytes.size() && !failed; at += piece) {
        failed = !reader.feed(bytes.substr(at, piece),
                              [&](const pinion::wire::FrameHeader& header, std::string_view payload) {
                                  seen.push_back({header, std::string(payload)});
                              });
        if (reader.held_bytes() > max_payload) std::abort();
    }
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    bool failed = false;
    bool failed_in_pieces = false;
    const auto frames = frames_of(bytes, bytes.size() + 1, failed);
    if (frames != frames_of(bytes, 1 + data[0] % 29, failed_in_pieces) || failed != failed_in_pieces) std::abort();
    for (const Seen& frame : frames) {
        (void)pinion::wire::check_frame(frame.header, pinion::wire::Sender::client);
        if (frame.header.codec != pinion::wire::FrameCodec::body) continue;
        const auto body = pinion::wire::decode_body(frame.payload);
        if (!body) continue;
        const auto again = pinion::wire::encode_body(body->head, body->items);
        const auto read = pinion::wire::decode_body(again);
        if (!read || read->items != body->items) std::abort();
    }
    return 0;
}
