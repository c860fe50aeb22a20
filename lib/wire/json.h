// SPDX-License-Identifier: Apache-2.0
// A JSON value: what documents are built from and read into. Members keep the order in which they were set, so that a
// document reads as it was written. The JSON library itself stays behind json.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace pinion::wire {

class Json {
public:
    using Array = std::vector<Json>;
    using Member = std::pair<std::string, Json>;
    using Object = std::vector<Member>;

    Json() = default;  // null
    Json(std::nullptr_t) {}
    Json(bool value) : value_(value) {}
    Json(int value) : value_(std::int64_t{value}) {}
    Json(long value) : value_(std::int64_t{value}) {}
    Json(long long value) : value_(std::int64_t{value}) {}
    Json(unsigned value) : value_(std::uint64_t{value}) {}
    Json(unsigned long value) : value_(std::uint64_t{value}) {}
    Json(unsigned long long value) : value_(std::uint64_t{value}) {}
    Json(double value) : value_(value) {}  // not-a-number and infinities print as null
    Json(const char* value) : value_(std::string(value)) {}
    Json(std::string_view value) : value_(std::string(value)) {}
    Json(std::string value) : value_(std::move(value)) {}
    Json(Array value) : value_(std::move(value)) {}
    Json(Object value) : value_(std::move(value)) {}

    [[nodiscard]] static Json array() { return Json(Array{}); }
    [[nodiscard]] static Json object() { return Json(Object{}); }

    [[nodiscard]] bool is_null() const noexcept { return std::holds_alternative<std::monostate>(value_); }
    [[nodiscard]] bool is_array() const noexcept { return std::holds_alternative<Array>(value_); }
    [[nodiscard]] bool is_object() const noexcept { return std::holds_alternative<Object>(value_); }

    // The value as the type asked for; nothing where it is of another type, or a number that does not fit.
    [[nodiscard]] std::optional<bool> as_bool() const noexcept;
    [[nodiscard]] std::optional<std::int64_t> as_int() const noexcept;
    [[nodiscard]] std::optional<std::uint64_t> as_uint() const noexcept;
    [[nodiscard]] std::optional<double> as_double() const noexcept;  // of any number
    [[nodiscard]] const std::string* as_string() const noexcept { return std::get_if<std::string>(&value_); }

    // Elements and members; empty where the value is neither.
    [[nodiscard]] const Array& items() const noexcept;
    [[nodiscard]] const Object& members() const noexcept;
    // The member of that name; null (the pointer) where there is none or this is not an object.
    [[nodiscard]] const Json* find(std::string_view name) const noexcept;

    // Sets a member: replaced in its place, or added at the end. A null becomes an object; anything else must be one.
    Json& set(std::string_view name, Json value);
    // Adds an element at the end. A null becomes an array; anything else must be one.
    Json& push(Json value);

    // The text on one line, or indented by `indent` columns a level. Invalid UTF-8 in strings becomes U+FFFD.
    [[nodiscard]] std::string dump(int indent = -1) const;
    // Reads one document. Refuses anything after it, nesting deeper than `max_depth`, and duplicate members; the error
    // says where.
    [[nodiscard]] static Result<Json> parse(std::string_view text);

    static constexpr std::size_t max_depth = 64;

    // Numbers compare by kind: the integer 1 and 1.0 differ; signed and unsigned integers of equal value are equal.
    bool operator==(const Json& other) const noexcept;

private:
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> value_;
};

}  // namespace pinion::wire
