// SPDX-License-Identifier: Apache-2.0
#include "log/line_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/text.h"
#include "model/limits.h"

namespace pinion::log {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

struct Piece {
    std::string text;
    bool cut;
    bool operator==(const Piece&) const = default;
};

class Collector {
public:
    Collector& feed(std::string_view bytes) {
        splitter_.feed(bytes, [this](Line line) { take(line); });
        return *this;
    }
    Collector& finish() {
        splitter_.finish([this](Line line) { take(line); });
        return *this;
    }
    [[nodiscard]] std::vector<std::string> texts() const {
        std::vector<std::string> result;
        for (const auto& piece : pieces) result.push_back(piece.text);
        return result;
    }
    std::vector<Piece> pieces;

private:
    void take(Line line) { pieces.push_back({std::string(line.text), line.cut}); }
    LineSplitter splitter_;
};

const std::string longest(limits::max_line_bytes, 'x');

TEST(LineSplitter, GivesWholeLines) {
    EXPECT_THAT(Collector().feed("one\ntwo\n\nfour").texts(), ElementsAre("one", "two", ""));
    EXPECT_THAT(Collector().feed("").texts(), IsEmpty());
}

TEST(LineSplitter, JoinsWhatComesInParts) {
    EXPECT_THAT(Collector().feed("o").feed("ne\nt").feed("wo").feed("\n").texts(), ElementsAre("one", "two"));
}

TEST(LineSplitter, GivesTheRestAtTheEndOnce) {
    EXPECT_THAT(Collector().feed("one\ntwo").finish().finish().texts(), ElementsAre("one", "two"));
    EXPECT_THAT(Collector().feed("one\n").finish().texts(), ElementsAre("one"));
}

TEST(LineSplitter, TakesTheCarriageReturnOfALineEndOnly) {
    EXPECT_THAT(Collector().feed("a\r\nb\r").feed("\n\r\nc\rd\r\r\n").texts(), ElementsAre("a", "b", "", "c\rd\r"));
    EXPECT_THAT(Collector().feed("a\r").finish().texts(), ElementsAre("a\r"));
}

TEST(LineSplitter, PassesNulsAndInvalidTextAsTheyAre) {
    const std::string line(
        "a\0\xff"
        "b",
        4);
    EXPECT_THAT(Collector().feed(line + "\n").texts(), ElementsAre(line));
}

TEST(LineSplitter, LeavesALineAtTheBoundWholeAndCutsOneByteLater) {
    EXPECT_EQ(Collector().feed(longest + "\n").pieces, (std::vector<Piece>{{longest, false}}));
    EXPECT_EQ(Collector().feed(longest + "\r\n").pieces, (std::vector<Piece>{{longest, false}}));
    EXPECT_EQ(Collector().feed(longest).finish().pieces, (std::vector<Piece>{{longest, false}}));
    EXPECT_EQ(Collector().feed(longest + "y\n").pieces, (std::vector<Piece>{{longest, true}, {"y", false}}));
    EXPECT_EQ(Collector().feed(longest + "y").finish().pieces, (std::vector<Piece>{{longest, true}, {"y", false}}));
    EXPECT_EQ(Collector().feed(longest + "\ry\n").pieces, (std::vector<Piece>{{longest, true}, {"\ry", false}}));
}

TEST(LineSplitter, GivesPiecesOfAnEndlessLineAsTheyFill) {
    Collector collector;
    for (int i = 0; i < 640; ++i) collector.feed(std::string(16 * 1024, 'x'));  // 10 MiB
    ASSERT_EQ(collector.pieces.size(), 639U);
    for (const auto& piece : collector.pieces) EXPECT_EQ(piece, (Piece{longest, true}));
    collector.feed("\nnext\n");
    EXPECT_EQ(collector.pieces.back(), (Piece{"next", false}));
}

TEST(LineSplitter, CutsBetweenCharacters) {
    const std::string head(limits::max_line_bytes - 1, 'x');
    EXPECT_EQ(Collector().feed(head + "ä\n").pieces, (std::vector<Piece>{{head, true}, {"ä", false}}));
    const std::string before = head.substr(2);
    EXPECT_EQ(Collector().feed(before + "😀y\n").pieces, (std::vector<Piece>{{before, true}, {"😀y", false}}));
    const std::string strays(limits::max_line_bytes + 1, '\x80');
    EXPECT_EQ(Collector().feed(strays + "\n").pieces, (std::vector<Piece>{{strays.substr(1), true}, {"\x80", false}}));
}

TEST(LineSplitter, DoesNotDependOnHowTheBytesArrive) {
    std::mt19937 random(17);
    for (int round = 0; round < 200; ++round) {
        std::string text;
        while (text.size() < 60'000) {
            text.append(random() % 30'000, static_cast<char>('a' + random() % 26));
            text += random() % 3 == 0 ? "\r\n" : random() % 3 == 0 ? "\r" : "\n";
        }
        const auto whole = Collector().feed(text).finish().pieces;
        Collector parts;
        for (std::string_view rest = text; !rest.empty();) {
            const auto size = std::min<std::size_t>(rest.size(), 1 + random() % 20'000);
            parts.feed(rest.substr(0, size));
            rest.remove_prefix(size);
        }
        ASSERT_EQ(parts.finish().pieces, whole);
    }
}

TEST(LineBudget, LetsABurstOfOneSecondPassAndNotOneMore) {
    LineBudget budget(3);
    const MonotonicTime now{1000s};
    EXPECT_TRUE(budget.take(now) && budget.take(now) && budget.take(now));
    EXPECT_FALSE(budget.take(now));
    EXPECT_FALSE(budget.take(now));
    EXPECT_TRUE(budget.has_dropped());
    EXPECT_EQ(budget.take_dropped(), 2U);
    EXPECT_EQ(budget.take_dropped(), 0U);
}

TEST(LineBudget, RefillsWithTimeUpToItsBurst) {
    LineBudget budget(2);
    MonotonicTime now{1000s};
    EXPECT_TRUE(budget.take(now) && budget.take(now));
    EXPECT_FALSE(budget.take(now + 499ms));
    EXPECT_TRUE(budget.take(now + 500ms));
    now += 1h;
    EXPECT_TRUE(budget.take(now) && budget.take(now));
    EXPECT_FALSE(budget.take(now));
}

TEST(LineBudget, TakesAChangedRate) {
    LineBudget budget(1000);
    budget.set_rate(1);
    const MonotonicTime now{1000s};
    EXPECT_TRUE(budget.take(now));
    EXPECT_FALSE(budget.take(now));
    LineBudget none(0);
    EXPECT_FALSE(none.take(now));
    EXPECT_FALSE(none.take(now + 1h));
}

TEST(LineBudget, IsNotConfusedByATimeInThePast) {
    LineBudget budget(1);
    EXPECT_TRUE(budget.take(MonotonicTime{1000s}));
    EXPECT_FALSE(budget.take(MonotonicTime{10s}));
    EXPECT_FALSE(budget.take(MonotonicTime{1000s + 999ms}));
    EXPECT_TRUE(budget.take(MonotonicTime{1001s}));
}

}  // namespace
}  // namespace pinion::log
