// SPDX-License-Identifier: Apache-2.0
// Exact integer arithmetic throughout: a scalar of the configuration is never a rounded double.
#include "base/units.h"

#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <limits>
#include <span>

#include "base/text.h"

namespace pinion {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Largest first, as a duration lists them.
constexpr std::array duration_units{
    Unit{"d", 86'400'000'000}, Unit{"h", 3'600'000'000}, Unit{"m", 60'000'000},
    Unit{"s", 1'000'000},      Unit{"ms", 1'000},        Unit{"us", 1},
};
constexpr std::uint64_t second = 1'000'000;
constexpr std::uint64_t millisecond = 1'000;

constexpr std::array binary_size_units{
    Unit{"TiB", 1ULL << 40}, Unit{"GiB", 1ULL << 30}, Unit{"MiB", 1ULL << 20}, Unit{"KiB", 1ULL << 10}, Unit{"B", 1},
};
constexpr std::array decimal_size_units{
    Unit{"TB", 1'000'000'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"MB", 1'000'000},
    Unit{"kB", 1'000},
};

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string quoted(std::string_view text) { return "'" + printable(text, 64) + "'"; }

const Unit* find_unit(std::span<const Unit> units, std::string_view name) noexcept {
    for (const Unit& unit : units)
        if (unit.name == name) return &unit;
    return nullptr;
}

// A decimal as written: 1.25 is whole 1 and 250,000 millionths.
struct Decimal {
    std::uint64_t whole = 0;
    std::uint64_t millionths = 0;
};

// Takes `digits[.digits]` off the front of `text`. The reason comes without context.
Result<Decimal> take_decimal(std::string_view& text) {
    Decimal number;
    if (text.empty() || !is_digit(text.front())) return fail("a number is missing");
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.whole);
    if (error != std::errc{}) return fail("the number is too large");
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty() || text.front() != '.') return number;
    text.remove_prefix(1);
    if (text.empty() || !is_digit(text.front())) return fail("a digit is missing after the point");
    std::uint64_t weight = 100'000;
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
        if (weight == 0 && text.front() != '0') return fail("at most 6 digits can stand after the point");
        number.millionths += weight * static_cast<std::uint64_t>(text.front() - '0');
        weight /= 10;
    }
    return number;
}

// Takes the letters off the front of `text`.
std::string_view take_word(std::string_view& text) noexcept {
    std::size_t length = 0;
    while (length < text.size() && !is_digit(text[length]) && text[length] != '.') ++length;
    const auto word = text.substr(0, length);
    text.remove_prefix(length);
    return word;
}

// number × factor, rounded down. Nothing on overflow. `exact` tells whether anything was rounded off.
std::optional<std::uint64_t> scaled(Decimal number, std::uint64_t factor, bool* exact = nullptr) noexcept {
    std::uint64_t whole = 0;
    std::uint64_t total = 0;
    // Below 2^20 × 2^40: no overflow.
    const std::uint64_t fraction = number.millionths * factor;
    if (exact != nullptr) *exact = fraction % 1'000'000 == 0;
    if (__builtin_mul_overflow(number.whole, factor, &whole)) return std::nullopt;
    if (__builtin_add_overflow(whole, fraction / 1'000'000, &total)) return std::nullopt;
    return total;
}

// One "5m" off the front of `text`; its unit must be smaller than `*previous`, which it replaces.
Result<std::uint64_t> take_duration_part(std::string_view& text, const Unit** previous) {
    PINION_TRY(number, take_decimal(text));
    const auto name = take_word(text);
    if (name.empty()) return fail("a unit is missing: one of us, ms, s, m, h, d");
    const Unit* unit = find_unit(duration_units, name);
    if (unit == nullptr) return fail("unknown unit " + quoted(name) + ": use us, ms, s, m, h or d");
    if (*previous != nullptr && (*previous)->factor <= unit->factor)
        return fail("'" + std::string(name) + "' can't follow '" + std::string((*previous)->name) +
                    "': the largest unit comes first");
    *previous = unit;
    bool exact = true;
    const auto value = scaled(number, unit->factor, &exact);
    if (!value) return fail("the duration is too long");
    if (!exact) return fail("nothing finer than a microsecond can be told");
    return *value;
}

Result<std::uint64_t> parse_duration_parts(std::string_view text) {
    if (text.empty()) return fail("it is empty");
    if (text.front() == '-') return fail("it can't be negative");
    std::uint64_t total = 0;
    const Unit* previous = nullptr;
    while (!text.empty()) {
        PINION_TRY(part, take_duration_part(text, &previous));
        if (__builtin_add_overflow(total, part, &total) ||
            total > static_cast<std::uint64_t>(std::numeric_limits<Duration::rep>::max()))
            return fail("the duration is too long");
    }
    return total;
}

Result<std::uint64_t> parse_size_parts(std::string_view text) {
    if (text.empty()) return fail("it is empty");
    if (text.front() == '-') return fail("it can't be negative");
    PINION_TRY(number, take_decimal(text));
    if (text.empty()) return fail("a unit is missing: one of B, KiB, MiB, GiB, TiB, kB, MB, GB, TB");
    const Unit* unit = find_unit(binary_size_units, text);
    if (unit == nullptr) unit = find_unit(decimal_size_units, text);
    if (unit == nullptr) return fail("unknown unit " + quoted(text) + ": use KiB, MiB, GiB or TiB");
    const auto value = scaled(number, unit->factor);
    if (!value) return fail("the size is too large");
    return *value;
}

// "1.5s": `value` in units of `factor`, with as many digits after the point as it takes.
std::string with_fraction(std::uint64_t value, std::uint64_t factor, std::string_view unit) {
    std::string text = std::to_string(value / factor);
    std::uint64_t rest = value % factor;
    if (rest != 0) text += '.';
    for (std::uint64_t weight = factor / 10; rest != 0; weight /= 10) {
        text += static_cast<char>('0' + rest / weight);
        rest %= weight;
    }
    return text.append(unit);
}

// |duration|, without overflow at the lowest value.
std::uint64_t magnitude(Duration duration) noexcept {
    const auto bits = static_cast<std::uint64_t>(duration.count());
    return duration.count() < 0 ? 0 - bits : bits;
}

// Below ten seconds: one unit, with a decimal between 1 and 10 s.
std::string coarse_short(std::uint64_t us) {
    if (us == 0) return "0s";
    if (us < millisecond) return std::to_string(us) + "us";
    if (us < second) return std::to_string(us / millisecond) + "ms";
    return with_fraction(us / 100'000, 10, "s");
}

std::string two_digits(std::uint64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

// Aliases that the kernel's own list of names doesn't hold.
constexpr std::array signal_aliases{
    std::pair<std::string_view, int>{"IO", SIGIO},
    std::pair<std::string_view, int>{"IOT", SIGIOT},
    std::pair<std::string_view, int>{"CLD", SIGCHLD},
};

// "RTMIN+3", "RTMAX-1", "RTMIN".
std::optional<int> parse_realtime_signal(std::string_view name) noexcept {
    const bool from_low = name.starts_with("RTMIN");
    if (!from_low && !name.starts_with("RTMAX")) return std::nullopt;
    name.remove_prefix(5);
    int offset = 0;
    if (!name.empty()) {
        if (name.size() < 2 || name.front() != (from_low ? '+' : '-') || !is_digit(name[1])) return std::nullopt;
        const auto number = parse_integer(name.substr(1));
        if (!number || *number > SIGRTMAX - SIGRTMIN) return std::nullopt;
        offset = static_cast<int>(*number);
    }
    return from_low ? SIGRTMIN + offset : SIGRTMAX - offset;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
    if (text == "0") return Duration::zero();
    auto parsed = parse_duration_parts(text);
    if (!parsed) return in_context("read duration " + quoted(text), std::move(parsed).error());
    return Duration(static_cast<Duration::rep>(*parsed));
}

std::string format_duration(Duration duration) {
    std::uint64_t rest = magnitude(duration);
    if (rest == 0) return "0s";
    std::string text = duration.count() < 0 ? "-" : "";
    for (const Unit& unit : duration_units) {
        if (unit.factor <= second) break;
        if (rest >= unit.factor) text.append(std::to_string(rest / unit.factor)).append(unit.name);
        rest %= unit.factor;
    }
    if (rest == 0) return text;
    if (rest >= second) return text + with_fraction(rest, second, "s");
    if (rest >= millisecond) return text + with_fraction(rest, millisecond, "ms");
    return text + std::to_string(rest) + "us";
}

std::string format_duration_coarse(Duration duration) {
    const std::string sign = duration.count() < 0 ? "-" : "";
    const std::uint64_t us = magnitude(duration);
    if (us < 10 * second) return sign + coarse_short(us);
    const std::uint64_t seconds = us / second;
    const std::uint64_t minutes = seconds / 60;
    const std::uint64_t hours = minutes / 60;
    const auto pair = [&](std::uint64_t large, const char* unit, std::uint64_t small, const std::string& tail) {
        return sign + std::to_string(large) + unit + (small == 0 ? "" : tail);
    };
    if (minutes == 0) return sign + std::to_string(seconds) + "s";
    if (hours == 0) return pair(minutes, "m", seconds % 60, two_digits(seconds % 60) + "s");
    if (hours < 24) return pair(hours, "h", minutes % 60, two_digits(minutes % 60) + "m");
    return pair(hours / 24, "d", hours % 24, std::to_string(hours % 24) + "h");
}

Result<std::uint64_t> parse_size(std::string_view text) {
    if (text == "0") return 0;
    auto parsed = parse_size_parts(text);
    if (!parsed) return in_context("read size " + quoted(text), std::move(parsed).error());
    return parsed;
}

std::string format_size(std::uint64_t bytes) {
    if (bytes == 0) return "0B";
    for (const Unit& unit : binary_size_units)
        if (bytes % unit.factor == 0) return std::to_string(bytes / unit.factor).append(unit.name);
    return std::to_string(bytes) + "B";
}

std::string format_size_coarse(std::uint64_t bytes) {
    if (bytes < 1024) return std::to_string(bytes) + "B";
    std::uint64_t unit = 1024;
    for (const char letter : std::string_view("KMGTPE")) {
        const std::uint64_t whole = bytes / unit;
        const std::uint64_t rest = bytes % unit;
        const std::uint64_t tenths = whole * 10 + (rest * 10 + unit / 2) / unit;
        if (tenths < 100) return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + letter;
        const std::uint64_t rounded = whole + (rest >= unit / 2 ? 1 : 0);
        if (rounded < 1024 || letter == 'E') return std::to_string(rounded) + letter;
        unit *= 1024;
    }
    return {};
}

Result<double> parse_percent(std::string_view text) {
    const std::string context = "read percentage " + quoted(text);
    if (text.starts_with('-')) return fail(context + ": it can't be negative");
    auto number = take_decimal(text);
    if (!number) return in_context(context, std::move(number).error());
    if (text != "%") return fail(context + ": write a number and '%', such as '10%'");
    return static_cast<double>(number->whole) / 100 + static_cast<double>(number->millionths) / 100'000'000;
}

std::optional<int> parse_signal(std::string_view name) {
    if (name.starts_with("SIG")) name.remove_prefix(3);
    for (int number = 1; number < SIGRTMIN; ++number) {
        const char* known = ::sigabbrev_np(number);
        if (known != nullptr && name == known) return number;
    }
    for (const auto& [alias, number] : signal_aliases)
        if (name == alias) return number;
    return parse_realtime_signal(name);
}

std::string signal_name(int number) {
    if (number >= SIGRTMIN && number <= SIGRTMAX)
        return number == SIGRTMIN ? "SIGRTMIN" : "SIGRTMIN+" + std::to_string(number - SIGRTMIN);
    const char* known = number > 0 ? ::sigabbrev_np(number) : nullptr;
    return known != nullptr ? "SIG" + std::string(known) : "signal " + std::to_string(number);
}

}  // namespace pinion
