// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/outbox.h"

#include <array>

#include "daemon/jobs/socket_limits.h"
#include "wire/finished.h"
#include "wire/json_scan.h"
#include "wire/little_endian.h"

namespace pinion::daemon {
namespace {

constexpr std::size_t compact_from = 256 << 10;  // taken bytes that are worth moving the rest for

wire::FrameHeader header_of(wire::MessageType type, std::uint64_t id, wire::FrameCodec codec) {
    return {.type = static_cast<std::uint8_t>(type), .codec = codec, .id = id};
}

}  // namespace

void Outbox::add(wire::MessageType type, std::uint64_t id, const wire::Json& payload) {
    add_text(type, id, payload.dump());
}

void Outbox::add_text(wire::MessageType type, std::uint64_t id, std::string_view payload) {
    close_batch();
    wire::append_frame(bytes_, header_of(type, id, wire::FrameCodec::json), payload);
}

void Outbox::add_body(wire::MessageType type, std::uint64_t id, const wire::Json& head, std::string_view item) {
    close_batch();
    wire::append_frame(bytes_, header_of(type, id, wire::FrameCodec::body), wire::encode_body(head, std::array{item}));
}

void Outbox::add_finished(std::uint64_t id, const FinishedItem& item) {
    const std::size_t more = item.result.size() + item.error.size();
    const bool full = batch_count_ >= socket_limits::batch_items || batch_bytes_ + more > socket_limits::batch_bytes;
    if (batch_id_ != id || full) close_batch();
    batch_id_ = id;
    if (batch_count_++ > 0) heads_ += ',';
    // Our own shell writes errors; what could break the frame around it is left out all the same.
    const bool has_error = !item.error.empty() && wire::is_json(item.error);
    wire::append_finished(heads_, {.index = item.index,
                                   .id = item.job.value,
                                   .state = jobs::to_string(item.state),
                                   .attempts = item.attempts,
                                   .error = has_error ? item.error : std::string_view()});
    wire::append_u32(items_, static_cast<std::uint32_t>(item.result.size()));
    items_ += item.result;
    batch_bytes_ = heads_.size() + items_.size();
}

void Outbox::close_batch() {
    if (batch_count_ == 0) return;
    const std::string head = R"({"jobs":[)" + heads_ + "]}";
    std::string payload;
    payload.reserve(4 + head.size() + items_.size());
    wire::append_u32(payload, static_cast<std::uint32_t>(head.size()));
    payload += head;
    payload += items_;
    wire::append_frame(bytes_, header_of(wire::MessageType::finished, batch_id_, wire::FrameCodec::body), payload);
    batch_count_ = 0;
    batch_bytes_ = 0;
    heads_.clear();
    items_.clear();
    if (items_.capacity() > 2 * socket_limits::batch_bytes) std::string().swap(items_);
}

std::string_view Outbox::bytes() {
    close_batch();
    return std::string_view(bytes_).substr(taken_);
}

void Outbox::taken(std::size_t count) {
    taken_ += count;
    if (taken_ < bytes_.size() && taken_ < compact_from) return;
    bytes_.erase(0, taken_);
    taken_ = 0;
    if (bytes_.empty() && bytes_.capacity() > socket_limits::output_bytes) std::string().swap(bytes_);
}

}  // namespace pinion::daemon
