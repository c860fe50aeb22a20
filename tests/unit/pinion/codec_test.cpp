// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <pinion/codec.h>

namespace {

struct Page {
    std::string url;
    std::vector<std::string> links;
    bool operator==(const Page&) const = default;
};

}  // namespace

template <>
struct pinion::Codec<Page> {
    static void encode(const Page& page, Writer& out) {
        pinion::encode(page.url, out);
        pinion::encode(page.links, out);
    }
    static Page decode(Reader& in) {
        auto url = pinion::decode<std::string>(in);
        return Page{std::move(url), pinion::decode<std::vector<std::string>>(in)};
    }
};

namespace pinion {
namespace {

template <class T>
std::string bytes_of(const T& value) {
    std::string bytes;
    Writer out(bytes);
    encode(value, out);
    return bytes;
}

template <class T>
void expect_round_trip(const T& value) {
    const std::string bytes = bytes_of(value);
    Reader in(bytes);
    EXPECT_EQ(decode<T>(in), value);
    EXPECT_EQ(in.left(), 0U);
    // Each shorter text is refused rather than read past its end.
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        Reader part(std::string_view(bytes).substr(0, length));
        EXPECT_THROW(static_cast<void>(decode<T>(part)), std::out_of_range) << length;
    }
}

TEST(Codec, BringsEverythingBack) {
    expect_round_trip(42);
    expect_round_trip(2.5);
    expect_round_trip(std::string("with \0 in it", 12));
    expect_round_trip(std::vector<int>{1, 2, 3});
    expect_round_trip(std::vector<bool>{true, false, true});
    expect_round_trip(std::vector<std::string>{"", "a", "longer than what fits into itself"});
    expect_round_trip(std::pair<int, std::string>{7, "seven"});
    expect_round_trip(std::tuple<int, std::string, std::vector<double>>{7, "seven", {7.0, 0.7}});
    expect_round_trip(std::tuple<>{});
    expect_round_trip(std::optional<std::string>{"some"});
    expect_round_trip(std::optional<int>{});
    expect_round_trip(std::map<std::string, int>{{"a", 1}, {"b", 2}});
    expect_round_trip(Page{"a.html", {"b.html", "c.html"}});
    expect_round_trip(std::vector<Page>{{"a.html", {}}, {"", {"x"}}});
}

TEST(Codec, RefusesAFalseCountBeforeItCostsMemory) {
    const std::string bytes = bytes_of(std::uint64_t{1} << 60);
    Reader text(bytes), list(bytes);
    EXPECT_THROW(static_cast<void>(decode<std::string>(text)), std::out_of_range);
    EXPECT_THROW(static_cast<void>(decode<std::vector<int>>(list)), std::out_of_range);
}

TEST(Codec, StopsAtTheEndOfTheRoom) {
    std::array<std::byte, 10> room;
    Writer out(room);
    encode(std::uint64_t{1}, out);
    EXPECT_THROW(encode(1, out), std::length_error);
    EXPECT_EQ(out.size(), 8U);
    out.truncate(4);
    encode(1, out);
    EXPECT_EQ(out.size(), 8U);
}

}  // namespace
}  // namespace pinion
