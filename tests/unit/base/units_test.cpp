// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <gtest/gtest.h>

#include <csignal>
#include <limits>
#include <random>

namespace pinion {
namespace {

using namespace std::chrono_literals;

std::string why(std::string_view text) {
    const auto parsed = parse_duration(text);
    return parsed ? "parsed" : parsed.error().message;
}

std::string why_size(std::string_view text) {
    const auto parsed = parse_size(text);
    return parsed ? "parsed" : parsed.error().message;
}

TEST(Duration, ReadsEveryUnit) {
    EXPECT_EQ(parse_duration("7us"), 7us);
    EXPECT_EQ(parse_duration("100ms"), 100ms);
    EXPECT_EQ(parse_duration("5s"), 5s);
    EXPECT_EQ(parse_duration("2m"), 2min);
    EXPECT_EQ(parse_duration("1h"), 1h);
    EXPECT_EQ(parse_duration("7d"), 168h);
}

TEST(Duration, ReadsSeveralUnitsLargestFirst) {
    EXPECT_EQ(parse_duration("1m30s"), 90s);
    EXPECT_EQ(parse_duration("1d2h3m4s5ms6us"), 26h + 3min + 4s + 5ms + 6us);
    EXPECT_EQ(why("30s1m"), "read duration '30s1m': 'm' can't follow 's': the largest unit comes first");
    EXPECT_EQ(why("1s2s"), "read duration '1s2s': 's' can't follow 's': the largest unit comes first");
}

TEST(Duration, ReadsFractionsDownToAMicrosecond) {
    EXPECT_EQ(parse_duration("1.5s"), 1500ms);
    EXPECT_EQ(parse_duration("0.000001s"), 1us);
    EXPECT_EQ(parse_duration("0.5000000000s"), 500ms);
    EXPECT_EQ(why("0.5us"), "read duration '0.5us': nothing finer than a microsecond can be told");
    EXPECT_EQ(why("0.0000001s"), "read duration '0.0000001s': at most 6 digits can stand after the point");
    EXPECT_EQ(why("1.s"), "read duration '1.s': a digit is missing after the point");
    EXPECT_EQ(why(".5s"), "read duration '.5s': a number is missing");
}

TEST(Duration, AllowsABareNumberForZeroOnly) {
    EXPECT_EQ(parse_duration("0"), 0us);
    EXPECT_EQ(parse_duration("0s"), 0us);
    EXPECT_EQ(why("5"), "read duration '5': a unit is missing: one of us, ms, s, m, h, d");
    EXPECT_EQ(why("1m30"), "read duration '1m30': a unit is missing: one of us, ms, s, m, h, d");
}

TEST(Duration, RefusesWhatIsNoDuration) {
    EXPECT_EQ(why(""), "read duration '': it is empty");
    EXPECT_EQ(why("-1s"), "read duration '-1s': it can't be negative");
    EXPECT_EQ(why("s"), "read duration 's': a number is missing");
    EXPECT_EQ(why("5 s"), "read duration '5 s': unknown unit ' s': use us, ms, s, m, h or d");
    EXPECT_EQ(why("5S"), "read duration '5S': unknown unit 'S': use us, ms, s, m, h or d");
    EXPECT_EQ(why("5s\n"), "read duration '5s\\x0a': unknown unit 's\\x0a': use us, ms, s, m, h or d");
}

TEST(Duration, HoldsTheLargestValueAndRefusesOneMore) {
    EXPECT_EQ(parse_duration("9223372036854775807us"), Duration::max());
    EXPECT_EQ(why("9223372036854775808us"), "read duration '9223372036854775808us': the duration is too long");
    EXPECT_EQ(why("9223372036854s775808us"), "read duration '9223372036854s775808us': the duration is too long");
    EXPECT_EQ(why("213503982334602d"), "read duration '213503982334602d': the duration is too long");
    EXPECT_EQ(why("99999999999999999999s"), "read duration '99999999999999999999s': the number is too large");
}

TEST(Duration, PrintsTheUsualText) {
    EXPECT_EQ(format_duration(0us), "0s");
    EXPECT_EQ(format_duration(90s), "1m30s");
    EXPECT_EQ(format_duration(100ms), "100ms");
    EXPECT_EQ(format_duration(1500ms), "1.5s");
    EXPECT_EQ(format_duration(1500us), "1.5ms");
    EXPECT_EQ(format_duration(24h), "1d");
    EXPECT_EQ(format_duration(25h + 1us), "1d1h1us");
    EXPECT_EQ(format_duration(-90s), "-1m30s");
    EXPECT_EQ(format_duration(Duration::min()), "-106751991d4h54.775808s");
}

TEST(Duration, PrintedTextParsesBackToTheSameValue) {
    std::mt19937_64 random(20240501);
    for (int i = 0; i < 20'000; ++i) {
        const Duration value(static_cast<Duration::rep>((random() >> 1) >> (random() % 63)));
        EXPECT_EQ(parse_duration(format_duration(value)), value) << format_duration(value);
    }
    EXPECT_EQ(parse_duration(format_duration(Duration::max())), Duration::max());
}

TEST(Duration, PrintsTwoUnitsForPeople) {
    EXPECT_EQ(format_duration_coarse(0us), "0s");
    EXPECT_EQ(format_duration_coarse(999us), "999us");
    EXPECT_EQ(format_duration_coarse(850'999us), "850ms");
    EXPECT_EQ(format_duration_coarse(1s), "1s");
    EXPECT_EQ(format_duration_coarse(1634ms), "1.6s");
    EXPECT_EQ(format_duration_coarse(9999ms), "9.9s");
    EXPECT_EQ(format_duration_coarse(10'900ms), "10s");
    EXPECT_EQ(format_duration_coarse(59'999ms), "59s");
    EXPECT_EQ(format_duration_coarse(2min), "2m");
    EXPECT_EQ(format_duration_coarse(2min + 2s), "2m02s");
    EXPECT_EQ(format_duration_coarse(61min), "1h01m");
    EXPECT_EQ(format_duration_coarse(76h + 59min), "3d4h");
    EXPECT_EQ(format_duration_coarse(72h), "3d");
    EXPECT_EQ(format_duration_coarse(-2s), "-2s");
}

TEST(Size, ReadsBinaryAndDecimalUnits) {
    EXPECT_EQ(parse_size("0"), 0U);
    EXPECT_EQ(parse_size("17B"), 17U);
    EXPECT_EQ(parse_size("4KiB"), 4096U);
    EXPECT_EQ(parse_size("512MiB"), 512U << 20);
    EXPECT_EQ(parse_size("1.5GiB"), 3ULL << 29);
    EXPECT_EQ(parse_size("1TiB"), 1ULL << 40);
    EXPECT_EQ(parse_size("1kB"), 1000U);
    EXPECT_EQ(parse_size("1MB"), 1'000'000U);
    EXPECT_EQ(parse_size("1GB"), 1'000'000'000U);
    EXPECT_EQ(parse_size("2TB"), 2'000'000'000'000U);
    EXPECT_EQ(parse_size("0.1KiB"), 102U);
}

TEST(Size, RefusesWhatIsNoSize) {
    EXPECT_EQ(why_size(""), "read size '': it is empty");
    EXPECT_EQ(why_size("5"), "read size '5': a unit is missing: one of B, KiB, MiB, GiB, TiB, kB, MB, GB, TB");
    EXPECT_EQ(why_size("-5MiB"), "read size '-5MiB': it can't be negative");
    EXPECT_EQ(why_size("5M"), "read size '5M': unknown unit 'M': use KiB, MiB, GiB or TiB");
    EXPECT_EQ(why_size("5KB"), "read size '5KB': unknown unit 'KB': use KiB, MiB, GiB or TiB");
    EXPECT_EQ(why_size("5MiB2KiB"), "read size '5MiB2KiB': unknown unit 'MiB2KiB': use KiB, MiB, GiB or TiB");
}

TEST(Size, HoldsTheLargestValueAndRefusesOneMore) {
    EXPECT_EQ(parse_size("18446744073709551615B"), std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(parse_size("16777215TiB"), 16777215ULL << 40);
    EXPECT_EQ(why_size("16777216TiB"), "read size '16777216TiB': the size is too large");
}

TEST(Size, PrintsTheLargestUnitThatDivides) {
    EXPECT_EQ(format_size(0), "0B");
    EXPECT_EQ(format_size(1000), "1000B");
    EXPECT_EQ(format_size(1024), "1KiB");
    EXPECT_EQ(format_size(1025), "1025B");
    EXPECT_EQ(format_size(512U << 20), "512MiB");
    EXPECT_EQ(format_size(1ULL << 50), "1024TiB");
    for (const std::uint64_t value : {0ULL, 1ULL, 1536ULL, 3ULL << 29, ~0ULL})
        EXPECT_EQ(parse_size(format_size(value)), value);
}

TEST(Size, PrintsAtMostFiveColumnsForPeople) {
    EXPECT_EQ(format_size_coarse(17), "17B");
    EXPECT_EQ(format_size_coarse(1023), "1023B");
    EXPECT_EQ(format_size_coarse(1024), "1.0K");
    EXPECT_EQ(format_size_coarse(932 * 1024), "932K");
    EXPECT_EQ(format_size_coarse(412ULL << 20), "412M");
    EXPECT_EQ(format_size_coarse(1'503'238'553), "1.4G");
    EXPECT_EQ(format_size_coarse(10'189), "10K");  // 9.95 K would be "10.0"
    EXPECT_EQ(format_size_coarse((1024 * 1024) - 1), "1.0M");
    EXPECT_EQ(format_size_coarse(~0ULL), "16E");
    std::mt19937_64 random(7);
    for (int i = 0; i < 20'000; ++i) EXPECT_LE(format_size_coarse(random() >> (random() % 64)).size(), 5U);
}

TEST(Percent, ReadsWholeAndFractionalNumbers) {
    EXPECT_DOUBLE_EQ(parse_percent("10%").value(), 0.1);
    EXPECT_DOUBLE_EQ(parse_percent("12.5%").value(), 0.125);
    EXPECT_DOUBLE_EQ(parse_percent("0%").value(), 0);
    EXPECT_DOUBLE_EQ(parse_percent("150%").value(), 1.5);
}

TEST(Percent, RefusesOtherTexts) {
    EXPECT_EQ(parse_percent("-1%").error().message, "read percentage '-1%': it can't be negative");
    EXPECT_EQ(parse_percent("10").error().message, "read percentage '10': write a number and '%', such as '10%'");
    EXPECT_EQ(parse_percent("").error().message, "read percentage '': a number is missing");
    EXPECT_FALSE(parse_percent("%"));
    EXPECT_FALSE(parse_percent("10%%"));
    EXPECT_FALSE(parse_percent("inf%"));
    EXPECT_FALSE(parse_percent("1e3%"));
}

TEST(Signal, IsFoundByItsName) {
    EXPECT_EQ(parse_signal("SIGTERM"), SIGTERM);
    EXPECT_EQ(parse_signal("TERM"), SIGTERM);
    EXPECT_EQ(parse_signal("SIGIO"), SIGIO);
    EXPECT_EQ(parse_signal("SIGPOLL"), SIGPOLL);
    EXPECT_EQ(parse_signal("SIGRTMIN"), SIGRTMIN);
    EXPECT_EQ(parse_signal("SIGRTMIN+3"), SIGRTMIN + 3);
    EXPECT_EQ(parse_signal("RTMAX-1"), SIGRTMAX - 1);
}

TEST(Signal, IsNothingForOtherTexts) {
    for (const char* text : {"", "SIG", "term", "SIGNOSUCH", "15", "SIGSIGTERM", "SIGRTMIN+", "SIGRTMIN-1",
                             "SIGRTMIN+-1", "SIGRTMIN+99", "SIGRTMAX+1", "SIGRTMIN+1x", "SIGTERM "})
        EXPECT_EQ(parse_signal(text), std::nullopt) << text;
    const auto span = std::to_string(SIGRTMAX - SIGRTMIN);
    EXPECT_EQ(parse_signal("SIGRTMIN+" + span), SIGRTMAX);
    EXPECT_EQ(parse_signal("SIGRTMIN+" + std::to_string(SIGRTMAX - SIGRTMIN + 1)), std::nullopt);
}

TEST(Signal, HasANameThatParsesBack) {
    EXPECT_EQ(signal_name(SIGTERM), "SIGTERM");
    EXPECT_EQ(signal_name(SIGRTMIN + 3), "SIGRTMIN+3");
    EXPECT_EQ(signal_name(99), "signal 99");
    EXPECT_EQ(signal_name(0), "signal 0");
    EXPECT_EQ(signal_name(-1), "signal -1");
    for (int number = 1; number <= SIGRTMAX; ++number) {
        if (number > 31 && number < SIGRTMIN) continue;  // the C library's own
        EXPECT_EQ(parse_signal(signal_name(number)), number);
    }
}

}  // namespace
}  // namespace pinion
