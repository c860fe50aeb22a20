// SPDX-License-Identifier: Apache-2.0
// Codecs: for each type of value that a key can have, how it is read, how it is printed so that it reads back, what it
// is called, and its JSON Schema. A row of the table of keys names one codec.
//
// A codec is a struct with
//   using Value = …;
//   static std::string type();     // for people: "duration"
//   static std::string schema();   // JSON text
//   static void read(const Reading&, const Node&, Value&);  // leaves the value alone where it reports an error
//   static Printed print(const Value&);
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/draft.h"
#include "config/scalar.h"

namespace pinion::config {

// A value as YAML: one flow text, or the entries of a block, each a key and a flow text.
struct Printed {
    bool set = true;  // false: nothing is written, the key has no value
    std::string text;
    std::vector<std::pair<std::string, std::string>> entries;

    Printed() = default;
    Printed(std::string flow) : text(std::move(flow)) {}
    Printed(const char* flow) : text(flow) {}
    bool operator==(const Printed&) const = default;
};
[[nodiscard]] Printed unset();

// `text` as a YAML scalar that reads back as the same text: plain where that is safe, else in double quotes.
[[nodiscard]] std::string yaml_text(std::string_view text);
// "[a, b]"
[[nodiscard]] std::string yaml_list(const std::vector<std::string>& scalars);
// `text` as a JSON string, quotes included.
[[nodiscard]] std::string json_text(std::string_view text);
// {"enum":["a","b"]}
[[nodiscard]] std::string json_enum(std::span<const std::string_view> words);
// A JSON object with the members of `members`, which is JSON text without braces.
[[nodiscard]] std::string json_object_schema(std::string_view members, std::string_view required = {});

struct BooleanCodec {
    using Value = bool;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// A whole number; the bounds are part of the type.
struct IntegerType {
    static std::string type(IntegerRange range);
    static std::string schema(IntegerRange range);
};
template <class T, long long least, long long most>
struct IntegerCodec {
    using Value = T;
    static constexpr IntegerRange range{least, most};
    static std::string type() { return IntegerType::type(range); }
    static std::string schema() { return IntegerType::schema(range); }
    static void read(const Reading& reading, const Node& node, Value& value) {
        if (const auto read = read_integer(reading, node, range)) value = static_cast<T>(*read);
    }
    static Printed print(const Value& value) { return std::to_string(value); }
};

struct DurationCodec {
    using Value = Duration;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

struct PercentCodec {
    using Value = double;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

struct FactorCodec {
    using Value = double;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

struct SignalCodec {
    using Value = int;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// One of a list of words. `Words` has `using Value` (an enum from 0 on without gaps) and `words`, in the enum's order.
template <class Words>
struct WordCodec {
    using Value = typename Words::Value;
    static std::string type() { return either(Words::words); }
    static std::string schema() { return json_enum(Words::words); }
    static void read(const Reading& reading, const Node& node, Value& value) {
        if (const auto index = read_word(reading, node, Words::words)) value = static_cast<Value>(*index);
    }
    static Printed print(const Value& value) { return std::string(Words::words[static_cast<std::size_t>(value)]); }
};

// A value that may be missing.
template <class Codec>
struct OptionalCodec {
    using Value = std::optional<typename Codec::Value>;
    static std::string type() { return Codec::type(); }
    static std::string schema() { return Codec::schema(); }
    static void read(const Reading& reading, const Node& node, Value& value) {
        typename Codec::Value inner = value.value_or(typename Codec::Value{});
        Codec::read(reading, node, inner);
        value = std::move(inner);
    }
    static Printed print(const Value& value) { return value ? Codec::print(*value) : unset(); }
};

// The reading of an entry of a block: its key is the block's and the entry's.
[[nodiscard]] Reading within(const Reading& reading, std::string_view key);
// Reports every key of the map that is not among `known`; keys among `later` are reported as not supported yet.
void check_block_keys(const Reading& reading, const Node& map, std::span<const std::string_view> known,
                      std::span<const std::string_view> later = {});

}  // namespace pinion::config
