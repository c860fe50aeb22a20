// SPDX-License-Identifier: Apache-2.0
#include "wire/lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/json_scan.h"

namespace pinion::wire {
namespace {

using namespace std::chrono_literals;

TEST(WorkerLines, AResultKeepsItsText) {
    const std::string line = R"( {"id": 7, "result": {"big": 123456789012345678901234567890, "n": 1.0} } )";
    const auto answer = parse_worker_line(line);
    ASSERT_TRUE(std::holds_alternative<LineResult>(answer));
    EXPECT_EQ(std::get<LineResult>(answer).id, 7U);
    EXPECT_EQ(std::get<LineResult>(answer).value, R"({"big": 123456789012345678901234567890, "n": 1.0})");
}

TEST(WorkerLines, ErrorsInAllTheirForms) {
    const auto error = [](std::string_view text) { return std::get<LineError>(parse_worker_line(text)); };
    EXPECT_EQ(error(R"({"id":1,"error":{"type":"ValueError","message":"no","retry":false,"after":1.5}})"),
              (LineError{1, "ValueError", "no", false, 1500ms}));
    EXPECT_EQ(error(R"({"id":1,"error":"broken"})"), (LineError{1, "error", "broken", {}, {}}));
    EXPECT_EQ(error(R"({"id":1,"error":{}})"), (LineError{1, "error", "", {}, {}}));
    EXPECT_EQ(error(R"({"id":1,"error":5})").type, "protocol");
    EXPECT_EQ(error(R"({"id":1,"error":{"retry":"yes"}})").retry, false);
    EXPECT_EQ(error(R"({"id":1,"error":{"after":-1}})").type, "protocol");
    EXPECT_EQ(error(R"({"id":1,"error":"a","result":2})").type, "protocol");
    EXPECT_EQ(error(R"({"id":1,"result":1,"result":2})").type, "protocol");
    EXPECT_EQ(error(std::string(R"({"id":1,"error":")") + std::string(5000, 'x') + "\"}").message.size(),
              limits::max_note_bytes);
}

TEST(WorkerLines, PushesAreNewJobs) {
    const auto answer =
        parse_worker_line(R"({"id":1,"result":null,"push":[{"pool":"next","input":[1, 2],"priority":9,"delay":2}]})");
    EXPECT_EQ(std::get<LineResult>(answer).pushes, (std::vector<LinePush>{{"next", "[1, 2]", 9, 2s}}));
    for (const char* wrong : {R"({"id":1,"result":1,"push":{}})", R"({"id":1,"result":1,"push":[{"pool":"next"}]})",
                              R"({"id":1,"result":1,"push":[{"pool":"No!","input":1}]})",
                              R"({"id":1,"result":1,"push":[{"pool":"a","input":1,"priority":10}]})"})
        EXPECT_EQ(std::get<LineError>(parse_worker_line(wrong)).type, "protocol") << wrong;
    const auto many = [](std::size_t count) {
        std::string line = R"({"id":1,"result":1,"push":[)";
        for (std::size_t i = 0; i < count; ++i) line += std::string(i == 0 ? "" : ",") + R"({"pool":"a","input":1})";
        return parse_worker_line(line + "]}").index();
    };
    EXPECT_EQ(many(limits::max_pushes), 0U) << "at the bound";
    EXPECT_EQ(many(limits::max_pushes + 1), 1U) << "one past it";
}

TEST(WorkerLines, ProgressMayHaveANoteOnly) {
    EXPECT_EQ(std::get<LineProgress>(parse_worker_line(R"({"id":1,"progress":0.4,"note":"half"})")),
              (LineProgress{1, 0.4, "half"}));
    EXPECT_EQ(std::get<LineProgress>(parse_worker_line(R"({"id":1,"note":"n"})")), (LineProgress{1, {}, "n"}));
}

TEST(WorkerLines, EverythingElseIsStray) {
    for (const char* text : {"", "hello", "Traceback (most recent call last):", "[1]", "{", R"({"id":1)", R"({"id":1})",
                             R"({"result":1})", R"({"id":"1","result":1})", R"({"id":-1,"result":1})",
                             R"({"id":18446744073709551616,"result":1})", R"({"id":1,"result":1} x)",
                             R"({"id":1,"result":01})", "{\"id\":1,\"result\":\"\xff\"}", R"({"id":1.0,"result":1})"})
        EXPECT_TRUE(std::holds_alternative<LineStray>(parse_worker_line(text))) << text;
    EXPECT_TRUE(std::holds_alternative<LineResult>(parse_worker_line(R"({"id":18446744073709551615,"result":1})")));
    std::string deep = R"({"id":1,"result":)";
    deep += std::string(63, '[') + std::string(63, ']') + "}";
    EXPECT_TRUE(std::holds_alternative<LineResult>(parse_worker_line(deep))) << "at the bound";
    deep = R"({"id":1,"result":)" + std::string(64, '[') + std::string(64, ']') + "}";
    EXPECT_TRUE(std::holds_alternative<LineStray>(parse_worker_line(deep))) << "one past it";
}

TEST(JobLines, AreOneLineWhateverTheInput) {
    std::string out;
    append_job_line(out, {.id = 7, .input = "{\n \"a\":\r\n1}", .attempt = 2, .remaining = 1500ms});
    EXPECT_EQ(out, "{\"id\":7,\"input\":{  \"a\":  1},\"attempt\":2,\"deadline_ms\":1500}\n");
    out.clear();
    append_job_line(out, {.id = 1, .input = "1"});
    EXPECT_EQ(out, "{\"id\":1,\"input\":1,\"attempt\":1}\n");
    EXPECT_TRUE(is_json(std::string_view(out).substr(0, out.size() - 1)));
}

TEST(LineReading, CutsHoweverTheBytesCome) {
    const std::string stream = "one\n\ntwo\nhalf";
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        LineReader reader(100);
        std::vector<std::pair<std::string, bool>> lines;
        const auto keep = [&](std::string_view line, bool whole) { lines.emplace_back(line, whole); };
        for (std::size_t at = 0; at < stream.size(); at += piece)
            reader.feed(std::string_view(stream).substr(at, piece), keep);
        reader.finish(keep);
        EXPECT_THAT(lines, testing::ElementsAre(std::pair("one", true), std::pair("", true), std::pair("two", true),
                                                std::pair("half", false)));
    }
}

TEST(LineReading, ALineThatIsTooLongComesOnceCutAndTheNextIsWhole) {
    for (std::size_t piece = 1; piece < 40; ++piece) {
        LineReader reader(10);
        std::vector<std::pair<std::string, bool>> lines;
        const auto keep = [&](std::string_view line, bool whole) { lines.emplace_back(line, whole); };
        const std::string stream = "0123456789\n0123456789a and more\nok\n";
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            reader.feed(std::string_view(stream).substr(at, piece), keep);
            EXPECT_LE(reader.held_bytes(), 10U);
        }
        EXPECT_THAT(lines, testing::ElementsAre(std::pair("0123456789", true), std::pair("0123456789", false),
                                                std::pair("ok", true)));
    }
}

TEST(RawLines, BelongToTheirJobsInOrderAndASurplusOneToNobody) {
    RawOrder order;
    order.sent(5);
    order.sent(6);
    EXPECT_EQ(order.answered(), 5U);
    EXPECT_EQ(order.answered(), 6U);
    EXPECT_EQ(order.answered(), std::nullopt);
    EXPECT_TRUE(fits_raw_line("a b"));
    EXPECT_FALSE(fits_raw_line("a\nb"));
}

}  // namespace
}  // namespace pinion::wire
