// SPDX-License-Identifier: Apache-2.0
#include "config/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "base/units.h"
#include "model/limits.h"

namespace pinion::config {
namespace {

// A message of the units' parsers without the context that ours gives: "read duration '5 x': ".
std::string cause(const Error& error, std::string_view kind, std::string_view text) {
    const std::string context = "read " + std::string(kind) + " '" + printable(text, 64) + "': ";
    return error.message.starts_with(context) ? error.message.substr(context.size()) : error.message;
}

bool is_bare_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

}  // namespace

void Reading::error(const Node& node, std::string_view code, const std::string& message, std::string hint) const {
    report.error(node.place, code, in_quotes(key) + ": " + message, std::move(hint));
}

void Reading::expected(const Node& node, std::string_view expected, std::string hint) const {
    error(node, node.is_scalar() ? "bad-value" : "wrong-type",
          "expected " + std::string(expected) + ", found " + describe(node), std::move(hint));
}

std::optional<bool> read_boolean(const Reading& reading, const Node& node) {
    if (node.is_scalar() && node.plain && node.text == "true") return true;
    if (node.is_scalar() && node.plain && node.text == "false") return false;
    std::string word = node.text;
    for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    std::string hint;
    for (const std::string_view yes : {"true", "yes", "on", "y", "1", "enabled"})
        if (word == yes) hint = "write true";
    for (const std::string_view no : {"false", "no", "off", "n", "0", "disabled"})
        if (word == no) hint = "write false";
    reading.expected(node, "true or false", hint);
    return std::nullopt;
}

std::optional<long long> read_integer(const Reading& reading, const Node& node, IntegerRange range) {
    const auto bounds = std::to_string(range.least) + " to " + std::to_string(range.most);
    const auto digits = std::string_view(node.text);
    const auto value = node.is_scalar() ? parse_integer(digits) : std::nullopt;
    const bool numeric = !digits.empty() && std::ranges::all_of(digits.substr(digits.front() == '-' ? 1 : 0),
                                                                [](char c) { return c >= '0' && c <= '9'; });
    if (!node.plain && numeric) {
        reading.expected(node, "a number from " + bounds, "write it without quotes");
        return std::nullopt;
    }
    if (!value && !(node.is_scalar() && numeric && digits != "-")) {
        reading.expected(node, "a number from " + bounds);
        return std::nullopt;
    }
    if (!value || *value < range.least || *value > range.most) {
        const bool above = value ? *value > range.most : digits.front() != '-';
        reading.error(node, "out-of-range",
                      printable(node.text, 30) + (above ? " is above the bound of " + std::to_string(range.most)
                                                        : " is below " + std::to_string(range.least)));
        return std::nullopt;
    }
    return value;
}

std::optional<double> read_decimal(const Reading& reading, const Node& node, double least, double most) {
    double value = 0;
    const char* const last = node.text.data() + node.text.size();
    const auto [end, failed] = std::from_chars(node.text.data(), last, value, std::chars_format::fixed);
    if (!node.is_scalar() || !node.plain || failed != std::errc{} || end != last || !std::isfinite(value)) {
        reading.expected(node, "a number such as 2 or 1.5");
        return std::nullopt;
    }
    const auto whole = [](double number) { return std::to_string(static_cast<long long>(number)); };
    if (value < least || value > most) {
        reading.error(node, "out-of-range",
                      printable(node.text, 30) + " is not between " + whole(least) + " and " + whole(most));
        return std::nullopt;
    }
    return value;
}

std::optional<Duration> read_duration(const Reading& reading, const Node& node) {
    if (!node.is_scalar()) {
        reading.expected(node, "a duration such as 100ms, 5s or 1m30s");
        return std::nullopt;
    }
    const auto value = parse_duration(node.text);
    if (value && *value <= limits::longest_duration) return *value;
    if (value) {
        reading.error(node, "out-of-range",
                      in_quotes(node.text) + " is longer than " + format_duration(limits::longest_duration));
        return std::nullopt;
    }
    if (is_bare_number(node.text)) {
        reading.error(node, "bad-value", "the duration " + in_quotes(node.text) + " has no unit",
                      "did you mean '" + printable(node.text, 30) + "s'?");
        return std::nullopt;
    }
    reading.error(node, "bad-value",
                  "read duration " + in_quotes(node.text) + ": " + cause(value.error(), "duration", node.text),
                  "a duration is a number and one of us, ms, s, m, h, d");
    return std::nullopt;
}

std::optional<std::uint64_t> read_size(const Reading& reading, const Node& node) {
    if (!node.is_scalar()) {
        reading.expected(node, "a size such as 512MiB");
        return std::nullopt;
    }
    const auto value = parse_size(node.text);
    if (value) return *value;
    if (is_bare_number(node.text)) {
        reading.error(node, "bad-value", "the size " + in_quotes(node.text) + " has no unit",
                      "did you mean '" + printable(node.text, 30) + "MiB'?");
        return std::nullopt;
    }
    reading.error(node, "bad-value",
                  "read size " + in_quotes(node.text) + ": " + cause(value.error(), "size", node.text),
                  "a size is a number and one of B, KiB, MiB, GiB, kB, MB, GB");
    return std::nullopt;
}

std::optional<double> read_percent(const Reading& reading, const Node& node) {
    if (!node.is_scalar()) {
        reading.expected(node, "a percentage such as 10%");
        return std::nullopt;
    }
    const auto value = parse_percent(node.text);
    if (value && *value <= 1) return *value;
    if (value) {
        reading.error(node, "out-of-range", in_quotes(node.text) + " is above 100%");
        return std::nullopt;
    }
    const bool bare = is_bare_number(node.text);
    reading.expected(node, "a percentage such as 10%",
                     !bare                         ? std::string()
                     : node.text.starts_with("0.") ? "a fraction is written in percent: 0.1 is 10%"
                                                   : "did you mean '" + printable(node.text, 30) + "%'?");
    return std::nullopt;
}

std::optional<std::string> read_text(const Reading& reading, const Node& node, std::string_view expected) {
    if (!node.is_scalar()) {
        reading.expected(node, expected);
        return std::nullopt;
    }
    if (node.text.find('\0') != std::string::npos) {
        reading.error(node, "bad-value", "the text holds a NUL byte");
        return std::nullopt;
    }
    return node.text;
}

std::optional<std::string> read_name(const Reading& reading, const Node& node) {
    if (node.is_scalar() && is_name(node.text)) return node.text;
    reading.expected(node, "a name",
                     "a name begins with a letter a-z and goes on with a-z, 0-9, '-' and '_', at most " +
                         std::to_string(limits::max_name_length) + " characters");
    return std::nullopt;
}

std::optional<std::size_t> read_word(const Reading& reading, const Node& node,
                                     std::span<const std::string_view> words) {
    if (node.is_scalar()) {
        const auto found = std::ranges::find(words, std::string_view(node.text));
        if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    }
    reading.expected(node, either(words), node.is_scalar() ? did_you_mean(node.text, words) : std::string());
    return std::nullopt;
}

std::optional<int> read_signal(const Reading& reading, const Node& node) {
    if (!node.is_scalar()) {
        reading.expected(node, "a signal such as SIGTERM");
        return std::nullopt;
    }
    if (const auto number = parse_signal(node.text)) return number;
    std::string hint;
    if (const auto number = parse_integer(node.text); number && *number > 0 && *number < 65) {
        hint = "did you mean '" + signal_name(static_cast<int>(*number)) + "'?";
    } else {
        std::string upper = node.text.substr(0, 20);
        for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        static constexpr auto common = std::to_array<std::string_view>(
            {"SIGTERM", "SIGINT",  "SIGHUP",  "SIGQUIT",  "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGSTOP",
             "SIGCONT", "SIGSEGV", "SIGABRT", "SIGWINCH", "SIGPIPE", "SIGALRM", "SIGBUS",  "SIGILL",
             "TERM",    "INT",     "HUP",     "QUIT",     "KILL",    "USR1",    "USR2"});
        hint = did_you_mean(upper, common);
    }
    reading.error(node, "bad-value", "there is no signal " + in_quotes(node.text), hint);
    return std::nullopt;
}

std::optional<ExitPattern> read_exit_pattern(const Reading& reading, const Node& node) {
    const auto number = node.is_scalar() ? parse_integer(node.text) : std::nullopt;
    if (number) {
        if (!node.plain || *number < 0 || *number > 255) {
            reading.expected(node, "an exit code from 0 to 255 or a signal");
            return std::nullopt;
        }
        return ExitPattern{ExitPattern::Kind::code, static_cast<int>(*number)};
    }
    if (!node.is_scalar()) {
        reading.expected(node, "an exit code from 0 to 255 or a signal");
        return std::nullopt;
    }
    const auto signal = read_signal(reading, node);
    if (!signal) return std::nullopt;
    return ExitPattern{ExitPattern::Kind::signal, *signal};
}

std::optional<std::uint32_t> read_octal(const Reading& reading, const Node& node, std::uint32_t most) {
    std::string_view digits = node.text;
    if (digits.starts_with("0o")) digits.remove_prefix(2);
    std::uint32_t value = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
    if (!node.is_scalar() || failed != std::errc{} || end != digits.data() + digits.size() || value > most) {
        reading.expected(node, "an octal number such as 022");
        return std::nullopt;
    }
    return value;
}

}  // namespace pinion::config
