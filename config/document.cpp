// SPDX-License-Identifier: Apache-2.0
#include "config/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "config/text_check.h"
#include "model/limits.h"

namespace pinion::config {
namespace {

// The tags that yaml-cpp gives to untagged text, and the one explicit tag that says what quotes say.
constexpr std::string_view plain_tag = "?";
constexpr std::string_view quoted_tag = "!";
constexpr std::string_view text_tag = "tag:yaml.org,2002:str";

// Text after alias expansion: a few bytes of aliases must not become hundreds of megabytes of specifications.
constexpr std::size_t max_expanded_bytes = 4 * limits::max_config_bytes;

// Builds the tree from events. After the first bound that is passed it ignores the rest: yaml-cpp can only be stopped
// by an exception, and what it still reads is bounded by the size of the file.
class TreeBuilder final : public YAML::EventHandler {
public:
    TreeBuilder(const LineIndex& lines, Arena& arena, Report& report) : lines_(lines), arena_(arena), report_(report) {}

    [[nodiscard]] const Node* root() const noexcept { return failed_ ? nullptr : root_; }
    [[nodiscard]] bool failed() const noexcept { return failed_; }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ == 2)
            refuse(place(mark), "syntax", "a second document begins here", "a file holds one document");
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (failed_) return;
        add(*make(Node::Kind::null, mark, anchor));
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (failed_) return;
        if (++aliases_ > limits::max_alias_expansions)
            return refuse(place(mark), "too-large",
                          "more than " + std::to_string(limits::max_alias_expansions) + " aliases are used");
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) return refuse(place(mark), "syntax", "the alias names no anchor");
        if (std::ranges::find(open_, found->second, &Open::node) != open_.end())
            return refuse(place(mark), "syntax", "the alias names a block that it stands in");
        add(*found->second);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        if (failed_ || !check_tag(mark, tag, true)) return;
        Node* node = make(Node::Kind::scalar, mark, anchor);
        node->plain = tag == plain_tag;
        node->text = with_escapes_as_utf8(value);
        node->bytes = node->text.size();
        add(*node);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        begin(Node::Kind::list, mark, tag, anchor);
    }
    void OnSequenceEnd() override { end(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        begin(Node::Kind::map, mark, tag, anchor);
    }
    void OnMapEnd() override { end(); }

private:
    struct Open {
        Node* node = nullptr;
        const Node* key = nullptr;                                // of the entry whose value comes next
        std::unordered_map<std::string_view, const Node*> known;  // keys so far
        const Node* merge = nullptr;                              // the value of `<<`
    };

    [[nodiscard]] Place place(const YAML::Mark& mark) const {
        return lines_.at(static_cast<std::size_t>(std::max(0, mark.line)),
                         static_cast<std::size_t>(std::max(0, mark.column)));
    }

    void refuse(const Place& where, std::string_view code, std::string message, std::string hint = {}) {
        if (!failed_) report_.error(where, code, std::move(message), std::move(hint));
        failed_ = true;
    }

    bool check_tag(const YAML::Mark& mark, const std::string& tag, bool scalar) {
        if (tag.empty() || tag == plain_tag) return true;
        if (scalar && (tag == quoted_tag || tag == text_tag)) return true;
        refuse(place(mark), "syntax", "tag " + in_quotes(tag) + " is not supported", "leave it out");
        return false;
    }

    Node* make(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
        Node& node = arena_.emplace_back();
        node.kind = kind;
        node.place = place(mark);
        if (anchor != 0) anchors_[anchor] = &node;
        return &node;
    }

    void begin(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        if (failed_ || !check_tag(mark, tag, false)) return;
        if (open_.size() >= limits::max_depth) return refuse_depth(place(mark));
        open_.push_back({.node = make(kind, mark, anchor)});
    }

    void refuse_depth(const Place& where) {
        refuse(where, "too-large", "blocks are nested deeper than " + std::to_string(limits::max_depth) + " levels");
    }

    void end() {
        if (failed_) return;
        Open done = std::move(open_.back());
        open_.pop_back();
        if (done.merge != nullptr) merge(done, *done.merge);
        done.node->height += 1;
        if (!failed_) add(*done.node);
    }

    // Puts a whole node where the text has it: into the innermost open block, or as the root.
    void add(const Node& node) {
        if (open_.empty()) {
            root_ = &node;
            return;
        }
        if (open_.size() + node.height > limits::max_depth) return refuse_depth(node.place);
        Open& parent = open_.back();
        if (!count(*parent.node, node)) return;
        if (parent.node->is_list()) {
            parent.node->items.push_back(&node);
            return;
        }
        if (parent.key == nullptr) return add_key(parent, node);
        add_value(parent, *std::exchange(parent.key, nullptr), node);
    }

    bool count(Node& parent, const Node& child) {
        parent.values += child.values;
        parent.bytes += child.bytes;
        parent.height = std::max(parent.height, child.height);
        if (parent.values <= limits::max_config_nodes && parent.bytes <= max_expanded_bytes) return true;
        refuse(child.place, "too-large",
               "more than " + std::to_string(limits::max_config_nodes) + " values, or " +
                   std::to_string(max_expanded_bytes >> 20) + " MiB of text, once aliases are expanded");
        return false;
    }

    void add_key(Open& parent, const Node& key) {
        if (!key.is_scalar()) refuse(key.place, "syntax", "a key is a text, this one is " + describe(key));
        parent.key = &key;
    }

    void add_value(Open& parent, const Node& key, const Node& value) {
        const Node* placed = &value;
        // yaml-cpp gives an empty value the place of what follows it.
        if (value.is_null()) {
            Node& copy = arena_.emplace_back(value);
            copy.place = key.place;
            placed = &copy;
        }
        const auto [first, is_new] = parent.known.emplace(key.text, &key);
        if (!is_new)
            return report_.error(key.place, "duplicate-key",
                                 "key " + in_quotes(key.text) + " stands here a second time",
                                 "the first is at " + seen_from(first->second->place, key.place));
        if (key.text == "<<" && key.plain) {
            parent.merge = placed;
            return;
        }
        parent.node->entries.push_back({.key = &key, .value = placed});
    }

    // `<<`: the entries of a map, or of each map of a list, that the block does not have itself; the first one counts.
    void merge(Open& into, const Node& from) {
        if (from.is_list()) {
            for (const Node* item : from.items) {
                if (!item->is_map()) return refuse_merge(*item);
                merge(into, *item);
            }
            return;
        }
        if (!from.is_map()) return refuse_merge(from);
        for (const Entry& entry : from.entries) {
            if (!into.known.emplace(entry.key->text, entry.key).second) continue;
            into.node->entries.push_back({.key = entry.key, .value = entry.value, .inherited = true});
        }
    }

    void refuse_merge(const Node& node) {
        refuse(node.place, "wrong-type", "'<<' merges a map or a list of maps, not " + describe(node));
    }

    const LineIndex& lines_;
    Arena& arena_;
    Report& report_;
    const Node* root_ = nullptr;
    std::vector<Open> open_;
    std::unordered_map<YAML::anchor_t, Node*> anchors_;
    std::size_t aliases_ = 0;
    int documents_ = 0;
    bool failed_ = false;
};

// What people most often did where yaml-cpp only says what it stumbled over.
std::string syntax_hint(std::string_view message, std::string_view line) {
    const auto indent = line.substr(0, line.find_first_not_of(" \t"));
    if (indent.find('\t') != std::string_view::npos) return "indent with spaces: YAML allows no tabs there";
    const auto text = trim(line);
    for (const char c : {'%', '@', '`'})
        if (text.find(std::string(": ") + c) != std::string_view::npos)
            return std::string("put a text that begins with '") + c + "' in quotes";
    constexpr std::pair<std::string_view, std::string_view> causes[] = {
        {"end of sequence flow not found", "is a ']' or a ',' missing before this?"},
        {"end of map flow not found", "is a '}' or a ',' missing before this?"},
        {"end of sequence not found", "is the line indented as its neighbours are?"},
        {"end of map not found", "is the line indented as its neighbours are?"},
        {"illegal map value", "a text that holds ': ' needs quotes"},
    };
    for (const auto& [said, hint] : causes)
        if (message == said) return std::string(hint);
    return {};
}

std::string lower_first(std::string text) {
    if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
}

}  // namespace

const Entry* Node::find(std::string_view key) const noexcept {
    for (const Entry& entry : entries)
        if (entry.key->text == key) return &entry;
    return nullptr;
}

std::string describe(const Node& node) {
    switch (node.kind) {
        case Node::Kind::null: return "nothing";
        case Node::Kind::list: return "a list";
        case Node::Kind::map: return "a map";
        case Node::Kind::scalar: break;
    }
    if (node.plain && (node.text == "true" || node.text == "false")) return "the boolean " + node.text;
    if (node.plain && parse_integer(node.text)) return "the number " + node.text;
    return "the text " + in_quotes(node.text);
}

const Node* parse_document(const std::string& text, const std::string& file, Arena& arena, Report& report) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    const auto body = std::string_view(text).substr(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
    const LineIndex lines(body, file);
    if (!check_text(body, lines, report)) return nullptr;
    TreeBuilder builder(lines, arena, report);
    try {
        std::istringstream stream{std::string(body)};
        YAML::Parser parser(stream);
        // A second document is only looked for: the builder refuses it as it begins.
        for (int i = 0; i < 2; ++i)
            if (!parser.HandleNextDocument(builder)) break;
    } catch (const YAML::Exception& exception) {
        if (builder.failed()) return nullptr;
        const auto line = static_cast<std::size_t>(std::max(0, exception.mark.line));
        const auto column = static_cast<std::size_t>(std::max(0, exception.mark.column));
        report.error(lines.at(line, column), "syntax", "read YAML: " + lower_first(exception.msg),
                     syntax_hint(exception.msg, lines.line(line)));
        return nullptr;
    }
    if (builder.failed()) return nullptr;
    if (builder.root() != nullptr) return builder.root();
    Node& empty = arena.emplace_back();
    empty.place = {&file, 1, 1};
    return &empty;
}

}  // namespace pinion::config
