// SPDX-License-Identifier: Apache-2.0
// YAML text as a tree of our own, bounded before memory is spent: size, depth, alias expansions and the number of
// values after expansion are counted on the parser's event stream. An alias shares the node it names, so that the tree
// never takes more memory than the text. The one home of yaml-cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "config/report.h"

namespace pinion::config {

struct Node;

struct Entry {
    const Node* key = nullptr;
    const Node* value = nullptr;
    bool inherited = false;  // comes from `defaults`, or by a merge key
};

struct Node {
    enum class Kind : std::uint8_t { null, scalar, list, map };
    Kind kind = Kind::null;
    bool plain = true;  // a scalar without quotes: may be a number or a boolean
    Place place;
    std::string text;                // of a scalar
    std::vector<const Node*> items;  // of a list
    std::vector<Entry> entries;      // of a map, in the order of the text; keys are scalars and differ

    // What the node holds once aliases are expanded.
    std::size_t values = 1;
    std::size_t bytes = 0;
    std::size_t height = 0;

    [[nodiscard]] bool is_null() const noexcept { return kind == Kind::null; }
    [[nodiscard]] bool is_scalar() const noexcept { return kind == Kind::scalar; }
    [[nodiscard]] bool is_list() const noexcept { return kind == Kind::list; }
    [[nodiscard]] bool is_map() const noexcept { return kind == Kind::map; }
    [[nodiscard]] const Entry* find(std::string_view key) const noexcept;
};

// Owns nodes; pointers to them stay valid as long as it lives.
using Arena = std::deque<Node>;

// What a node is, for a message: "a list", "the text 'x'", "the number 4", "nothing".
[[nodiscard]] std::string describe(const Node& node);

// The root of the only document in `text`, in `arena`; a null node where the text is empty. Nothing where the text
// can't be read: then at least one error is reported. Duplicate keys are reported, and the first one is kept.
[[nodiscard]] const Node* parse_document(const std::string& text, const std::string& file, Arena& arena,
                                         Report& report);

}  // namespace pinion::config
