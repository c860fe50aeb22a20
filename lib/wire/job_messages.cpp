// SPDX-License-Identifier: Apache-2.0
#include "wire/job_messages.h"

#include <algorithm>
#include <array>

#include "wire/limits.h"
#include "wire/little_endian.h"

namespace pinion::wire {
namespace {

using enum MessageType;
using enum FrameCodec;

constexpr const char* attempt_id = "the attempt's";
constexpr const char* request_id = "the client's number of the request";
constexpr const char* same_id = "the request's";

constexpr std::array table{
    MessageRow{job, "job", Sender::daemon, json, attempt_id,
               "the input (raw with `payload: raw`); `flags`: the number of the attempt, from 1; `remaining_ms` until "
               "its deadline. To the runner of `exec` a body: head `{\"job\"}`, one item: the input"},
    MessageRow{result, "result", Sender::worker, json, attempt_id, "the result (or raw bytes)"},
    MessageRow{error, "error", Sender::worker, json, attempt_id,
               "`{\"type\",\"message\",\"retry\"?,\"after\"?}`; of the runner of `exec` also `\"exit\"`, its code, or "
               "`\"signal\"`, its number, and `\"core\"?`, `\"oom\"?`, `\"peak_memory_bytes\"`, `\"cpu_usec\"`"},
    MessageRow{progress, "progress", Sender::worker, json, attempt_id, "`{\"progress\"?,\"note\"?}`"},
    MessageRow{push, "push", Sender::worker, body, attempt_id,
               "before the result: head `{\"pool\",\"priority\"?,\"delay\"?}`, items: inputs of new jobs"},
    MessageRow{hello, "hello", Sender::client, json, request_id, "`{\"version\",\"program\"?}`, first of all"},
    MessageRow{welcome, "welcome", Sender::daemon, json, same_id, "`{\"version\",\"daemon\"}`"},
    MessageRow{failure, "failure", Sender::daemon, json, same_id, "`{\"code\",\"message\"}`: the request was refused"},
    MessageRow{submit, "submit", Sender::client, body, request_id,
               "head `{\"pool\",\"priority\"?,\"delay\"?,\"keys\"?,\"wait\"?}`, items: inputs"},
    MessageRow{
        accepted, "accepted", Sender::daemon, json, same_id,
        "`{\"ids\",\"existing\",\"durability\"}`, after they are as durable as that; `existing` are those ids that "
        "were known by their key"},
    MessageRow{open_map, "open_map", Sender::client, json, request_id,
               "`{\"pool\",\"name\"?,\"fail_fast\"?,\"unordered\"?,\"results\"?,\"priority\"?}`"},
    MessageRow{map_opened, "map_opened", Sender::daemon, json, same_id,
               "`{\"map\",\"pool\",\"payload\",\"existing\",\"sealed\",\"items\",\"durability\"}`"},
    MessageRow{add_items, "add_items", Sender::client, body, "the map's",
               "head `{\"from\"}` (index of the first), items: inputs"},
    MessageRow{items_added, "items_added", Sender::daemon, json, "the map's", "`{\"from\",\"ids\"}`"},
    MessageRow{seal_map, "seal_map", Sender::client, json, "the map's", "`{}`: no more items come"},
    MessageRow{attach_map, "attach_map", Sender::client, json, request_id,
               "`{\"pool\"?,\"name\",\"from\"?}`; answered by map_opened"},
    MessageRow{allow, "allow", Sender::client, json, "the map's", "`{\"results\"}`: how many more the client takes"},
    MessageRow{finished, "finished", Sender::daemon, body, "the map's, or of the request that waits",
               "head `{\"jobs\"}`, each `{\"index\"?,\"id\",\"state\",\"attempts\",\"error\"?}`, items: results, in "
               "the same order; empty where there is none"},
    MessageRow{map_progress, "map_progress", Sender::daemon, json, "the map's",
               "`{\"finished\",\"failed\",\"total\"?}`, at most ten a second; `total` once it is sealed"},
    MessageRow{map_done, "map_done", Sender::daemon, json, "the map's",
               "`{\"done\",\"failed\",\"cancelled\"}` of the results that were sent, last of all"},
    MessageRow{wait, "wait", Sender::client, json, request_id,
               "`{\"jobs\"}`: answered by finished, or failure, for each"},
    MessageRow{ask_job, "ask_job", Sender::client, json, request_id, "`{\"job\",\"result\"?}`"},
    MessageRow{
        job_state, "job_state", Sender::daemon, body, same_id,
        "head: the job with every attempt and, where it has one, its map's name (`map_name`); one item: its result"},
    MessageRow{list_jobs, "list_jobs", Sender::client, json, request_id,
               "`{\"pool\"?,\"map\"?,\"states\"?,\"after\"?,\"limit\"?}`"},
    MessageRow{jobs_listed, "jobs_listed", Sender::daemon, json, same_id,
               "`{\"jobs\",\"more\",\"last\"?}`: where `more`, the list goes on after `last`, also where it is empty"},
    MessageRow{cancel, "cancel", Sender::client, json, request_id, "`{\"jobs\"}`, or `{\"map\",\"pool\"?}` (a name)"},
    MessageRow{retry, "retry", Sender::client, json, request_id,
               "`{\"jobs\"}`: new jobs with `retry_of`; answered by accepted"},
    MessageRow{queue, "queue", Sender::client, json, request_id, "`{\"pool\",\"verb\"}`: pause, resume or drain"},
    MessageRow{why, "why", Sender::client, json, request_id, "`{\"job\"}`: what it waits for"},
    MessageRow{log, "log", Sender::client, json, request_id, "`{\"job\",\"attempt\"?}`"},
    MessageRow{answer, "answer", Sender::daemon, json, same_id,
               "the answer to one of the requests that names no other"},
    MessageRow{ask_pool, "ask_pool", Sender::client, json, request_id,
               "`{\"pool\",\"cpu_time\"?}`: what it takes, how its queue is, and what its workers have used"},
};

const char* to_string(Sender sender) {
    switch (sender) {
        case Sender::daemon: return "daemon";
        case Sender::worker: return "worker";
        case Sender::client: return "client";
    }
    return "?";
}

const char* to_string(FrameCodec codec) {
    switch (codec) {
        case raw: return "raw";
        case json: return "json";
        case body: return "body";
    }
    return "?";
}

}  // namespace

std::span<const MessageRow> message_table() noexcept { return table; }

const MessageRow* find_message(std::uint8_t type) noexcept {
    const auto row = std::ranges::find(table, static_cast<MessageType>(type), &MessageRow::type);
    return row == table.end() ? nullptr : &*row;
}

Result<MessageType> check_frame(const FrameHeader& header, Sender from) {
    const MessageRow* row = find_message(header.type);
    if (row == nullptr) return fail("read message: unknown type " + std::to_string(header.type));
    if (row->from != from)
        return fail(std::string("read message: '") + row->name + "' is not for a " + to_string(from) + " to send");
    const bool raw_payload = header.codec == raw && (row->type == result || row->type == job);
    const bool for_runner = header.codec == body && row->type == job;
    if (header.codec != row->codec && !raw_payload && !for_runner)
        return fail(std::string("read message: '") + row->name + "' is of codec " + to_string(row->codec) + ", not " +
                    to_string(header.codec));
    return row->type;
}

std::string encode_body(const Json& head, std::span<const std::string_view> items) {
    const std::string text = head.dump();
    std::string out;
    std::size_t size = 4 + text.size();
    for (const auto item : items) size += 4 + item.size();
    out.reserve(size);
    append_u32(out, static_cast<std::uint32_t>(text.size()));
    out += text;
    for (const auto item : items) {
        append_u32(out, static_cast<std::uint32_t>(item.size()));
        out += item;
    }
    return out;
}

Result<RawBody> split_body(std::string_view payload) {
    const auto next = [&payload]() -> Result<std::string_view> {
        if (payload.size() < 4) return fail("read message: its body ends within a length");
        const std::size_t length = take_u32(payload.data());
        payload.remove_prefix(4);
        if (length > payload.size()) return fail("read message: its body ends within an item");
        const auto item = payload.substr(0, length);
        payload.remove_prefix(length);
        return item;
    };
    PINION_TRY(head, next());
    RawBody read{head, {}};
    while (!payload.empty()) {
        if (read.items.size() == limits::max_items)
            return fail("read message: more than " + std::to_string(limits::max_items) + " items");
        PINION_TRY(item, next());
        read.items.push_back(item);
    }
    return read;
}

Result<Body> decode_body(std::string_view payload) {
    PINION_TRY(body, split_body(payload));
    auto head = Json::parse(body.head);
    if (!head) return in_context("read message", std::move(head).error());
    if (!head->is_object()) return fail("read message: its head is no object");
    return Body{std::move(*head), std::move(body.items)};
}

std::string message_table_as_markdown() {
    std::string text = "| type | name | sent by | codec | id | payload |\n|---|---|---|---|---|---|\n";
    for (const MessageRow& row : table) {
        text += "| " + std::to_string(static_cast<int>(row.type)) + " | `" + row.name + "` | " + to_string(row.from) +
                " | " + to_string(row.codec) + " | " + row.id + " | " + row.payload + " |\n";
    }
    return text;
}

}  // namespace pinion::wire
