// SPDX-License-Identifier: Apache-2.0
#include "wire/frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "wire/job_messages.h"
#include "wire/limits.h"

namespace pinion::wire {
namespace {

struct Seen {
    FrameHeader header;
    std::string payload;
};

TEST(Frames, HeaderIsLittleEndianAsDocumented) {
    const auto bytes = encode_header({.length = 0x01020304,
                                      .type = 5,
                                      .codec = FrameCodec::json,
                                      .flags = 0x0607,
                                      .id = 0x08090a0b0c0d0e0f,
                                      .remaining_ms = 0x10111213});
    const std::string expected(
        "\x04\x03\x02\x01\x05\x01\x07\x06\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08\x13\x12\x11\x10\0\0\0\0", 24);
    EXPECT_EQ(std::string(bytes.data(), bytes.size()), expected);
}

TEST(Frames, ComeWholeHoweverTheBytesAreCut) {
    std::string stream;
    for (int i = 0; i < 20; ++i)
        append_frame(stream, {.type = 2, .id = static_cast<std::uint64_t>(i)},
                     std::string(static_cast<std::size_t>(i * i), 'x'));
    for (std::size_t piece = 1; piece < 80; ++piece) {
        FrameReader reader(1000);
        std::vector<Seen> seen;
        for (std::size_t at = 0; at < stream.size(); at += piece)
            ASSERT_TRUE(reader.feed(std::string_view(stream).substr(at, piece),
                                    [&](const FrameHeader& header, std::string_view payload) {
                                        seen.push_back({header, std::string(payload)});
                                    }));
        ASSERT_EQ(seen.size(), 20U) << piece;
        for (std::size_t i = 0; i < 20; ++i) {
            EXPECT_EQ(seen[i].header.id, i);
            EXPECT_EQ(seen[i].payload.size(), i * i);
        }
        EXPECT_TRUE(reader.at_boundary());
    }
}

TEST(Frames, AreBoundedAtTheBoundAndOnePastIt) {
    const auto header = [](std::uint32_t length) {
        const auto bytes = encode_header({.length = length, .type = 2});
        return std::string(bytes.data(), bytes.size());
    };
    FrameReader exact(100);
    int frames = 0;
    EXPECT_TRUE(exact.feed(header(100) + std::string(100, 'x'), [&](const auto&, auto) { ++frames; }));
    EXPECT_EQ(frames, 1);
    FrameReader past(100);
    const auto refused = past.feed(header(101), [](const auto&, auto) {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "read frame: 101 bytes announced, 100 allowed");
    EXPECT_FALSE(past.feed("x", [](const auto&, auto) {})) << "a broken stream stays broken";
}

TEST(Frames, AnAnnouncementAloneTakesNoMemory) {
    FrameReader reader(limits::max_payload_bytes);
    const auto bytes = encode_header({.length = limits::max_payload_bytes, .type = 2});
    ASSERT_TRUE(reader.feed({bytes.data(), bytes.size()}, [](const auto&, auto) {}));
    ASSERT_TRUE(reader.feed("some", [](const auto&, auto) {}));
    EXPECT_LT(reader.held_bytes(), 100U);
    const std::string megabyte(1 << 20, 'x');
    std::size_t sent = 4;
    std::size_t got = 0;
    while (sent < limits::max_payload_bytes) {
        const auto some = std::min(megabyte.size(), limits::max_payload_bytes - sent);
        ASSERT_TRUE(reader.feed(std::string_view(megabyte).substr(0, some),
                                [&](const auto&, std::string_view p) { got = p.size(); }));
        sent += some;
        EXPECT_LE(reader.held_bytes(), std::min(limits::max_payload_bytes, 2 * sent));
    }
    EXPECT_EQ(got, limits::max_payload_bytes);
    EXPECT_LE(reader.held_bytes(), FrameReader::kept_bytes) << "given back after the frame";
}

TEST(Frames, RefuseUnknownCodecsAndReservedBits) {
    std::string bytes(frame_header_bytes, '\0');
    bytes[5] = 3;
    EXPECT_FALSE(decode_header(bytes, 10));
    bytes[5] = 2;
    EXPECT_TRUE(decode_header(bytes, 10));
    bytes[23] = 1;
    EXPECT_FALSE(decode_header(bytes, 10));
}

TEST(Messages, EachHasItsSenderAndCodec) {
    EXPECT_TRUE(check_frame({.type = 2, .codec = FrameCodec::json}, Sender::worker));
    EXPECT_TRUE(check_frame({.type = 2, .codec = FrameCodec::raw}, Sender::worker));
    EXPECT_EQ(check_frame({.type = 99}, Sender::client).error().message, "read message: unknown type 99");
    EXPECT_EQ(check_frame({.type = 1}, Sender::client).error().message,
              "read message: 'job' is not for a client to send");
    EXPECT_EQ(check_frame({.type = 19, .codec = FrameCodec::json}, Sender::client).error().message,
              "read message: 'submit' is of codec body, not json");
}

TEST(Messages, BodiesGoThereAndBack) {
    const std::vector<std::string_view> items{"one", "", std::string_view("\0\n", 2)};
    Json head;
    head.set("pool", "thumbs");
    const std::string bytes = encode_body(head, items);
    const auto body = decode_body(bytes);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->head, head);
    EXPECT_EQ(body->items, items);
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        const auto part = decode_body(std::string_view(bytes).substr(0, cut));
        EXPECT_TRUE(!part || part->items.size() < items.size()) << cut;
    }
    std::string many = encode_body(head, {});
    many.append(4 * limits::max_items, '\0');
    EXPECT_TRUE(decode_body(many)) << "at the bound";
    many.append(4, '\0');
    EXPECT_FALSE(decode_body(many)) << "one past it";
}

TEST(Messages, TypesAndNamesAreTheirOwn) {
    std::set<MessageType> types;
    std::set<std::string> names;
    for (const MessageRow& row : message_table()) {
        EXPECT_TRUE(types.insert(row.type).second) << row.name;
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_EQ(find_message(static_cast<std::uint8_t>(row.type)), &row);
    }
}

TEST(Messages, TheTableIsTheOneInTheDocuments) {
    const std::string path = PINION_SOURCE_DIR "/docs/protocol.md";
    std::stringstream document;
    document << std::ifstream(path).rdbuf();
    const std::string text = document.str();
    const std::string begin_mark = "<!-- messages -->\n";
    const auto from = text.find(begin_mark) + begin_mark.size();
    const auto end = text.find("<!-- end of messages -->\n");
    ASSERT_NE(end, std::string::npos) << path;
    const auto table = message_table_as_markdown();
    if (std::getenv("PINION_UPDATE_DOCS") != nullptr) {
        std::ofstream(path) << text.substr(0, from) << table << text.substr(end);
        return;
    }
    EXPECT_EQ(text.substr(from, end - from), table) << "run test_wire with PINION_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace pinion::wire
