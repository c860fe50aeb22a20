// SPDX-License-Identifier: Apache-2.0
// One walk over the text serves checking, replacing and asking about the seat. What stands in braces is a name or an
// expression:
//
//   sum     = product {("+" | "-") product}
//   product = atom {("*" | "/" | "%") atom}
//   atom    = number | "slot" | "(" sum ")"
//
// Only parentheses recurse, to limits::max_depth. While checking, the slot is unknown: what depends on it is unknown
// too, so that only errors that every slot would make are found.
#include "model/substitution.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "base/text.h"
#include "model/limits.h"

namespace pinion {
namespace {

constexpr std::array<std::string_view, 4> names{"pool", "slot", "cpus", "numa"};

using Value = std::optional<std::int64_t>;  // nothing: depends on a slot that is not known

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_word(char c) noexcept { return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

std::string_view word_at(std::string_view text, std::size_t at) noexcept {
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    return text.substr(at, end - at);
}

std::unexpected<Error> fail_at(std::size_t at, const std::string& reason) {
    return fail("column " + std::to_string(at + 1) + ": " + reason);
}

constexpr std::string_view input_name = "input";

std::string unknown_name(std::string_view name) {
    std::string text = "unknown name '" + printable(name, limits::max_name_length) + "'";
    if (const auto meant = closest(name, names)) return text + " (did you mean '" + std::string(*meant) + "'?)";
    return text + ": only pool, slot, cpus and numa are known; the environment is not substituted";
}

// Evaluates what stands between `${` and `}`.
class Expression {
public:
    Expression(std::string_view text, std::size_t begin, std::size_t end, Value slot)
        : text_(text), at_(begin), end_(end), slot_(slot) {}

    Result<Value> evaluate() {
        PINION_TRY(value, sum(0));
        if (at_ != end_) return fail_at(at_, "an operator is expected before '" + rest() + "'");
        return value;
    }

private:
    Result<Value> sum(std::size_t depth) {
        PINION_TRY(left, product(depth));
        for (;;) {
            const char sign = peek();
            if (sign != '+' && sign != '-') return left;
            const std::size_t at = at_++;
            PINION_TRY(right, product(depth));
            PINION_TRY(result, apply(sign, at, left, right));
            left = result;
        }
    }

    Result<Value> product(std::size_t depth) {
        PINION_TRY(left, atom(depth));
        for (;;) {
            const char sign = peek();
            if (sign != '*' && sign != '/' && sign != '%') return left;
            const std::size_t at = at_++;
            PINION_TRY(right, atom(depth));
            PINION_TRY(result, apply(sign, at, left, right));
            left = result;
        }
    }

    Result<Value> atom(std::size_t depth) {
        const char next = peek();
        if (next == '(') return parenthesis(depth + 1);
        if (is_digit(next)) return number();
        if (!is_word(next)) return fail_at(at_, "a number, 'slot' or '(' is expected");
        const auto word = word_at(text_, at_);
        if (word == "slot") {
            at_ += word.size();
            return slot_;
        }
        if (word != input_name && std::ranges::find(names, word) == names.end())
            return fail_at(at_, unknown_name(word));
        return fail_at(at_, "'" + std::string(word) + "' is a text: it can't be calculated with");
    }

    Result<Value> parenthesis(std::size_t depth) {
        if (depth > limits::max_depth)
            return fail_at(at_, "parentheses are nested deeper than " + std::to_string(limits::max_depth));
        ++at_;
        PINION_TRY(value, sum(depth));
        if (peek() != ')') return fail_at(at_, "')' is missing");
        ++at_;
        return value;
    }

    Result<Value> number() {
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + end_, value);
        if (error != std::errc{}) return fail_at(at_, "the number is too large");
        at_ = static_cast<std::size_t>(end - text_.data());
        return Value(value);
    }

    static Result<Value> apply(char sign, std::size_t at, Value left, Value right) {
        const bool divides = sign == '/' || sign == '%';
        if (divides && right == 0) return fail_at(at, "division by zero");
        if (!left || !right) return Value{};
        std::int64_t result = 0;
        // The one division that overflows.
        bool overflow = divides && *left == std::numeric_limits<std::int64_t>::min() && *right == -1;
        if (sign == '+') overflow = __builtin_add_overflow(*left, *right, &result);
        if (sign == '-') overflow = __builtin_sub_overflow(*left, *right, &result);
        if (sign == '*') overflow = __builtin_mul_overflow(*left, *right, &result);
        if (overflow) return fail_at(at, "the result is too large");
        if (sign == '/') result = *left / *right;
        if (sign == '%') result = *left % *right;
        return Value(result);
    }

    // The next character that is not blank, or NUL at the end.
    char peek() {
        while (at_ < end_ && is_blank(text_[at_])) ++at_;
        return at_ < end_ ? text_[at_] : '\0';
    }

    [[nodiscard]] std::string rest() const { return printable(text_.substr(at_, end_ - at_), 32); }

    std::string_view text_;
    std::size_t at_;
    std::size_t end_;
    Value slot_;
};

// What one walk found.
struct Outcome {
    std::string text;
    bool uses_seat = false;
    bool uses_input = false;
};

// What becomes of `${input}`: an error; nothing, while checking; itself, in a text that is substituted once more; or
// the input.
enum class Input : std::uint8_t { refused, checked, kept, replaced };

// Walks the whole text. Without `values` it only checks, and `text` of the outcome means nothing.
class Walk {
public:
    Walk(std::string_view text, const SubstitutionValues* values, Input mode, std::string_view input = {})
        : text_(text), values_(values), mode_(mode), input_(input) {}

    Result<Outcome> run() {
        while (at_ < text_.size()) {
            if (text_[at_] != '$') {
                const auto dollar = text_.find('$', at_);
                outcome.text.append(text_.substr(at_, dollar - at_));
                at_ = std::min(dollar, text_.size());
                continue;
            }
            PINION_CHECK(dollar());
        }
        return outcome;
    }

    Outcome outcome;  // also of what stood before an error

private:
    // At a '$'.
    Result<void> dollar() {
        const std::size_t next = at_ + 1;
        if (next < text_.size() && text_[next] == '$') {
            insert("$");
            at_ += 2;
            return {};
        }
        if (next >= text_.size() || text_[next] != '{') return fail_at(at_, stray_dollar());
        const auto close = text_.find('}', next);
        if (close == std::string_view::npos) return fail_at(at_, "'${' has no closing '}'");
        PINION_CHECK(braces(next + 1, close));
        at_ = close + 1;
        return {};
    }

    // What stands in braces: [begin, end).
    Result<void> braces(std::size_t begin, std::size_t end) {
        const auto content = trim(text_.substr(begin, end - begin));
        if (content.empty()) return fail_at(at_, "'${}' names nothing: use pool, slot, cpus or numa");
        const bool seat = content == "cpus" || content == "numa";
        outcome.uses_seat = outcome.uses_seat || seat;
        if (content == "pool" || seat) {
            if (values_ == nullptr) return {};
            insert(content == "pool" ? values_->pool : content == "cpus" ? values_->cpus : values_->numa);
            return {};
        }
        if (content == input_name) {
            if (mode_ == Input::refused)
                return fail_at(begin, "'input' stands only in the command of a pool with 'protocol: exec'");
            outcome.uses_input = true;
            outcome.text += mode_ == Input::kept ? "${input}" : input_;
            return {};
        }
        const Value slot = values_ != nullptr ? Value(values_->slot) : Value{};
        PINION_TRY(value, Expression(text_, begin, end, slot).evaluate());
        if (value) outcome.text += std::to_string(*value);
        return {};
    }

    // What stands for itself: its dollars are doubled where the text is substituted once more.
    void insert(std::string_view value) {
        for (const char c : value) outcome.text.append(c == '$' && mode_ == Input::kept ? 2 : 1, c);
    }

    [[nodiscard]] std::string stray_dollar() const {
        const auto word = word_at(text_, at_ + 1);
        if (word.empty()) return "a single '$' stands for nothing: write '$$' for a dollar";
        const auto shown = printable(word, limits::max_name_length);
        if (std::ranges::find(names, word) != names.end())
            return "'$" + shown + "' needs braces: write '${" + shown + "}', or '$$" + shown + "' for a dollar";
        return "'$" + shown + "' is not substituted, there is no shell here: write '$$" + shown + "' for a dollar";
    }

    std::string_view text_;
    const SubstitutionValues* values_;
    Input mode_;
    std::string_view input_;
    std::size_t at_ = 0;
};

}  // namespace

Result<void> check_substitutions(std::string_view text, InputName input) {
    PINION_CHECK(Walk(text, nullptr, input == InputName::allowed ? Input::checked : Input::refused).run());
    return {};
}

Result<std::string> substitute(std::string_view text, const SubstitutionValues& values) {
    PINION_TRY(outcome, Walk(text, &values, Input::refused).run());
    return std::move(outcome.text);
}

Result<std::string> substitute_all_but_input(std::string_view text, const SubstitutionValues& values) {
    PINION_TRY(outcome, Walk(text, &values, Input::kept).run());
    return std::move(outcome.text);
}

Result<std::string> substitute_input(std::string_view text, std::string_view input) {
    static const SubstitutionValues none;
    PINION_TRY(outcome, Walk(text, &none, Input::replaced, input).run());
    return std::move(outcome.text);
}

bool takes_input(std::string_view text) {
    Walk walk(text, nullptr, Input::checked);
    static_cast<void>(walk.run());
    return walk.outcome.uses_input;
}

bool depends_on_seat(std::string_view text) {
    Walk walk(text, nullptr, Input::checked);
    static_cast<void>(walk.run());
    return walk.outcome.uses_seat;
}

}  // namespace pinion
