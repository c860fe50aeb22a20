// SPDX-License-Identifier: Apache-2.0
#include "wire/json_scan.h"

#include "base/text.h"
#include "wire/json.h"

namespace pinion::wire {
namespace {

// Steps over one value after another; every function is false at the first thing that is not JSON.
class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    void space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
            ++at_;
    }
    [[nodiscard]] bool done() const { return at_ == text_.size(); }
    [[nodiscard]] std::size_t position() const { return at_; }
    [[nodiscard]] std::string_view since(std::size_t from) const { return text_.substr(from, at_ - from); }
    bool take(char c) {
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    bool value(std::size_t depth) {
        if (at_ >= text_.size()) return false;
        switch (text_[at_]) {
            case '{': return sequence('{', '}', depth, true);
            case '[': return sequence('[', ']', depth, false);
            case '"': return string();
            case 't': return word("true");
            case 'f': return word("false");
            case 'n': return word("null");
            default: return number();
        }
    }

    bool string() {
        if (!take('"')) return false;
        while (at_ < text_.size()) {
            const auto c = static_cast<unsigned char>(text_[at_++]);
            if (c == '"') return true;
            if (c < 0x20) return false;
            if (c == '\\' && !escape()) return false;
        }
        return false;
    }

private:
    bool sequence(char open, char close, std::size_t depth, bool names) {
        if (depth >= Json::max_depth || !take(open)) return false;
        space();
        if (take(close)) return true;
        for (;;) {
            space();
            if (names) {
                if (!string()) return false;
                space();
                if (!take(':')) return false;
                space();
            }
            if (!value(depth + 1)) return false;
            space();
            if (take(close)) return true;
            if (!take(',')) return false;
        }
    }
    bool word(std::string_view word) {
        if (!text_.substr(at_).starts_with(word)) return false;
        at_ += word.size();
        return true;
    }
    bool digits() {
        const std::size_t from = at_;
        while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
        return at_ > from;
    }
    bool number() {
        take('-');
        if (!take('0') && !digits()) return false;
        if (take('.') && !digits()) return false;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            return digits();
        }
        return true;
    }
    bool escape() {
        if (at_ >= text_.size()) return false;
        const char c = text_[at_++];
        if (c != 'u') return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
        for (int i = 0; i < 4; ++i) {
            if (at_ >= text_.size() || !is_hex(text_[at_])) return false;
            ++at_;
        }
        return true;
    }
    static bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

    std::string_view text_;
    std::size_t at_ = 0;
};

// A member's name; nothing where its escapes make no text (a lone surrogate).
std::optional<std::string> unescaped(std::string_view quoted) {
    if (quoted.find('\\') == std::string_view::npos) return std::string(quoted.substr(1, quoted.size() - 2));
    auto value = Json::parse(quoted);
    if (!value || value->as_string() == nullptr) return std::nullopt;
    return *value->as_string();
}

}  // namespace

std::optional<std::vector<RawMember>> scan_object(std::string_view text, std::size_t max_members) {
    if (!is_valid_utf8(text)) return std::nullopt;
    Scanner scanner(text);
    std::vector<RawMember> members;
    scanner.space();
    if (!scanner.take('{')) return std::nullopt;
    scanner.space();
    bool more = !scanner.take('}');
    while (more) {
        scanner.space();
        const auto name_at = scanner.position();
        if (members.size() == max_members || !scanner.string()) return std::nullopt;
        auto name = unescaped(scanner.since(name_at));
        scanner.space();
        if (!name || !scanner.take(':')) return std::nullopt;
        scanner.space();
        const auto value_at = scanner.position();
        if (!scanner.value(1)) return std::nullopt;
        members.push_back({std::move(*name), scanner.since(value_at)});
        scanner.space();
        more = scanner.take(',');
        if (!more && !scanner.take('}')) return std::nullopt;
    }
    scanner.space();
    if (!scanner.done()) return std::nullopt;
    return members;
}

std::optional<std::vector<std::string_view>> scan_array(std::string_view text, std::size_t max_elements) {
    if (!is_valid_utf8(text)) return std::nullopt;
    Scanner scanner(text);
    std::vector<std::string_view> elements;
    scanner.space();
    if (!scanner.take('[')) return std::nullopt;
    scanner.space();
    bool more = !scanner.take(']');
    while (more) {
        scanner.space();
        const auto from = scanner.position();
        if (elements.size() == max_elements || !scanner.value(1)) return std::nullopt;
        elements.push_back(scanner.since(from));
        scanner.space();
        more = scanner.take(',');
        if (!more && !scanner.take(']')) return std::nullopt;
    }
    scanner.space();
    if (!scanner.done()) return std::nullopt;
    return elements;
}

bool is_json(std::string_view text) {
    if (!is_valid_utf8(text)) return false;
    Scanner scanner(text);
    scanner.space();
    if (!scanner.value(0)) return false;
    scanner.space();
    return scanner.done();
}

std::string json_string(std::string_view text) { return Json(text).dump(); }

}  // namespace pinion::wire
