// SPDX-License-Identifier: Apache-2.0
// The messages of the frames protocol: their types, who sends each, and what its payload is. One table, from which
// docs/protocol.md is made; and the codec of a *body*, the payload of messages that carry many inputs or results.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/frames.h"
#include "wire/json.h"

namespace pinion::wire {

inline constexpr int protocol_version = 1;

// Frames of workers (PINION_FD) are below 16, those of the job socket from 16 on.
enum class MessageType : std::uint8_t {
    job = 1,
    result = 2,
    error = 3,
    progress = 4,
    push = 5,

    hello = 16,
    welcome = 17,
    failure = 18,
    submit = 19,
    accepted = 20,
    open_map = 21,
    map_opened = 22,
    add_items = 23,
    items_added = 24,
    seal_map = 25,
    attach_map = 26,
    allow = 27,
    finished = 28,
    map_progress = 29,
    map_done = 30,
    wait = 31,
    ask_job = 32,
    job_state = 33,
    list_jobs = 34,
    jobs_listed = 35,
    cancel = 36,
    retry = 37,
    queue = 38,
    why = 39,
    log = 40,
    answer = 41,
    ask_pool = 42,
};

enum class Sender : std::uint8_t { daemon, worker, client };

struct MessageRow {
    MessageType type{};
    const char* name = "";
    Sender from{};
    FrameCodec codec{};        // of its payload
    const char* id = "";       // what the header's id is
    const char* payload = "";  // in words, for docs/protocol.md
};
// By type, each once.
[[nodiscard]] std::span<const MessageRow> message_table() noexcept;

// The row of a type byte; null for one that is not in the table.
[[nodiscard]] const MessageRow* find_message(std::uint8_t type) noexcept;

// Whether a frame may come from `from`: its type is known, of that sender, and its codec is the table's (a worker's
// result may be JSON or raw). The error says what is wrong.
[[nodiscard]] Result<MessageType> check_frame(const FrameHeader& header, Sender from);

// A JSON head and items of any bytes: u32 length, the head; then for each item u32 length, its bytes.
struct Body {
    Json head;
    std::vector<std::string_view> items;  // parts of the payload that was read
};
[[nodiscard]] std::string encode_body(const Json& head, std::span<const std::string_view> items);
// The same unread: a head of any text.
struct RawBody {
    std::string_view head;
    std::vector<std::string_view> items;
};
[[nodiscard]] Result<RawBody> split_body(std::string_view payload);
// Refuses a head that is no object, lengths past the end, and more than limits::max_items.
[[nodiscard]] Result<Body> decode_body(std::string_view payload);

// The table as docs/protocol.md prints it.
[[nodiscard]] std::string message_table_as_markdown();

}  // namespace pinion::wire
