// SPDX-License-Identifier: Apache-2.0
// Steps over JSON text without building anything: what json_scan.h is made of.
#pragma once

#include <cstddef>
#include <string_view>

#include "wire/json.h"

namespace pinion::wire {

// Steps over one value after another; every function is false at the first thing that is not JSON.
class JsonScanner {
public:
    explicit JsonScanner(std::string_view text) : text_(text) {}

    [[nodiscard]] std::size_t position() const { return at_; }
    [[nodiscard]] std::string_view since(std::size_t from) const { return text_.substr(from, at_ - from); }
    [[nodiscard]] bool done() const { return at_ == text_.size(); }
    void space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
            ++at_;
    }
    bool take(char c) {
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }

    // One array or object and nothing else, whose elements or members `item` steps over.
    template <class Item>
    bool document(char open, char close, Item&& item) {
        space();
        if (!sequence(open, close, item)) return false;
        space();
        return done();
    }
    bool value(std::size_t depth) {
        if (at_ >= text_.size()) return false;
        switch (text_[at_]) {
            case '{':
                return depth < Json::max_depth &&
                       sequence('{', '}', [&] { return string() && colon() && value(depth + 1); });
            case '[': return depth < Json::max_depth && sequence('[', ']', [&] { return value(depth + 1); });
            case '"': return string();
            case 't': return word("true");
            case 'f': return word("false");
            case 'n': return word("null");
            default: return number();
        }
    }
    // What stands between a name and its value.
    bool colon() {
        space();
        if (!take(':')) return false;
        space();
        return true;
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
    template <class Item>
    bool sequence(char open, char close, Item&& item) {
        if (!take(open)) return false;
        space();
        if (take(close)) return true;
        for (;;) {
            space();
            if (!item()) return false;
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

}  // namespace pinion::wire
