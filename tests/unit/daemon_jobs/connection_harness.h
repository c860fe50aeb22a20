// SPDX-License-Identifier: Apache-2.0
// A client that talks to a JobConnection without a socket: it feeds frames and reads what comes out.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "daemon/jobs/job_connection.h"
#include "fake_job_queue.h"
#include "wire/limits.h"

namespace pinion::daemon {

struct Received {
    wire::MessageType type{};
    std::uint64_t id = 0;
    wire::Json head;
    std::vector<std::string> items;

    [[nodiscard]] std::string text(std::string_view name) const {
        const wire::Json* value = head.find(name);
        if (value == nullptr) return "-";
        const std::string* text = value->as_string();
        return text != nullptr ? *text : value->dump();
    }
};

inline std::string frame(wire::MessageType type, std::uint64_t id, const std::string& json) {
    std::string out;
    wire::append_frame(out, {.type = static_cast<std::uint8_t>(type), .codec = wire::FrameCodec::json, .id = id}, json);
    return out;
}
inline std::string body_frame(wire::MessageType type, std::uint64_t id, const std::string& json,
                              const std::vector<std::string>& inputs) {
    const std::vector<std::string_view> items(inputs.begin(), inputs.end());
    std::string out;
    wire::append_frame(out, {.type = static_cast<std::uint8_t>(type), .codec = wire::FrameCodec::body, .id = id},
                       wire::encode_body(wire::Json::parse(json).value(), items));
    return out;
}

inline Received to_received(const wire::FrameHeader& header, std::string_view payload) {
    Received received{static_cast<wire::MessageType>(header.type), header.id, {}, {}};
    EXPECT_TRUE(wire::check_frame(header, wire::Sender::daemon).has_value());
    if (header.codec == wire::FrameCodec::body) {
        auto body = wire::decode_body(payload);
        EXPECT_TRUE(body.has_value());
        received.head = body->head;
        received.items.assign(body->items.begin(), body->items.end());
    } else {
        auto json = wire::Json::parse(payload);
        EXPECT_TRUE(json.has_value()) << payload;
        received.head = *json;
    }
    return received;
}

class TestClient {
public:
    static constexpr uid_t own_uid = 990;

    explicit TestClient(FakeJobQueue& queue, Caller caller = {0, {0}}) : queue_(queue) {
        connection = std::make_shared<JobConnection>(queue, ConnectionSetting{.caller = std::move(caller),
                                                                              .own_uid = own_uid,
                                                                              .changed = [this] { changed_ = true; },
                                                                              .now = [this] { return time; }});
    }
    // The same, past the greeting.
    static std::unique_ptr<TestClient> greeted(FakeJobQueue& queue, Caller caller = {0, {0}}) {
        auto client = std::make_unique<TestClient>(queue, std::move(caller));
        client->say(frame(wire::MessageType::hello, 1, R"({"version":1})"));
        EXPECT_EQ(client->take().at(0).type, wire::MessageType::welcome);
        return client;
    }

    // Feeds, and lets everything happen that follows.
    void say(const std::string& bytes) {
        connection->feed(bytes);
        go_on();
    }
    void go_on() {
        do {
            changed_ = false;
            queue_.settle();
            connection->tend();
        } while (changed_);
    }
    // What has come since the last look.
    std::vector<Received> take(std::size_t most_bytes = SIZE_MAX) {
        std::vector<Received> received;
        go_on();
        const auto bytes = connection->outbox().bytes().substr(0, most_bytes);
        EXPECT_TRUE(reader_.feed(bytes, [&](const wire::FrameHeader& header, std::string_view payload) {
            received.push_back(to_received(header, payload));
        }));
        connection->outbox().taken(bytes.size());
        go_on();
        return received;
    }
    // The last of what has come.
    Received ask(const std::string& bytes) {
        say(bytes);
        auto all = take();
        EXPECT_FALSE(all.empty());
        return all.empty() ? Received{} : all.back();
    }

    std::shared_ptr<JobConnection> connection;
    MonotonicTime time{std::chrono::hours(1)};

private:
    FakeJobQueue& queue_;
    wire::FrameReader reader_{wire::limits::max_answer_bytes + (1 << 20)};
    bool changed_ = false;
};

}  // namespace pinion::daemon
