// SPDX-License-Identifier: Apache-2.0
// The one home of the JSON library: texts are written and read by it, values are our own.
#include "wire/json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/check.h"

namespace pinion::wire {

namespace {

nlohmann::ordered_json to_library(const Json& value) {
    if (value.is_array()) {
        auto array = nlohmann::ordered_json::array();
        for (const Json& item : value.items()) array.push_back(to_library(item));
        return array;
    }
    if (value.is_object()) {
        auto object = nlohmann::ordered_json::object();
        for (const auto& [name, member] : value.members()) object.push_back({name, to_library(member)});
        return object;
    }
    if (const std::string* text = value.as_string()) return *text;
    if (auto flag = value.as_bool()) return *flag;
    if (auto number = value.as_uint()) return *number;
    if (auto number = value.as_int()) return *number;
    if (auto number = value.as_double()) return *number;
    return nullptr;
}

// Builds our values while the library reads: no second tree, and the depth is bounded before anything is built.
class Builder {
public:
    bool null() { return put(Json()); }
    bool boolean(bool value) { return put(value); }
    bool number_integer(std::int64_t value) { return put(value); }
    bool number_unsigned(std::uint64_t value) { return put(value); }
    bool number_float(double value, const std::string& text) {
        if (std::isfinite(value)) return put(value);
        return refuse("number out of range '" + text + "'");
    }
    bool string(std::string& value) { return put(std::move(value)); }
    bool binary(std::vector<std::uint8_t>&) { return refuse("binary value"); }
    bool start_object(std::size_t) { return open(Json::object()); }
    bool start_array(std::size_t) { return open(Json::array()); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool key(std::string& name) {
        if (stack_.back().value.find(name) != nullptr) return refuse("duplicate member '" + name + "'");
        stack_.back().key = std::move(name);
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
        return refuse("syntax error at byte " + std::to_string(position));
    }

    Json take() { return std::move(root_); }
    const std::string& error() const { return error_; }

private:
    struct Open {
        Json value;
        std::string key;
    };

    bool refuse(std::string why) {
        if (error_.empty()) error_ = std::move(why);
        return false;
    }
    bool open(Json value) {
        if (stack_.size() >= Json::max_depth)
            return refuse("nested deeper than " + std::to_string(Json::max_depth) + " levels");
        stack_.push_back({std::move(value), {}});
        return true;
    }
    bool close() {
        Json value = std::move(stack_.back().value);
        stack_.pop_back();
        return put(std::move(value));
    }
    bool put(Json value) {
        if (stack_.empty())
            root_ = std::move(value);
        else if (stack_.back().value.is_array())
            stack_.back().value.push(std::move(value));
        else
            stack_.back().value.set(stack_.back().key, std::move(value));
        return true;
    }

    Json root_;
    std::vector<Open> stack_;
    std::string error_;
};

}  // namespace

std::optional<bool> Json::as_bool() const noexcept {
    if (const bool* value = std::get_if<bool>(&value_)) return *value;
    return std::nullopt;
}

std::optional<std::int64_t> Json::as_int() const noexcept {
    if (const auto* value = std::get_if<std::int64_t>(&value_)) return *value;
    const auto* value = std::get_if<std::uint64_t>(&value_);
    if (value == nullptr || *value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return std::nullopt;
    return static_cast<std::int64_t>(*value);
}

std::optional<std::uint64_t> Json::as_uint() const noexcept {
    if (const auto* value = std::get_if<std::uint64_t>(&value_)) return *value;
    const auto* value = std::get_if<std::int64_t>(&value_);
    if (value == nullptr || *value < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

std::optional<double> Json::as_double() const noexcept {
    if (const double* value = std::get_if<double>(&value_)) return *value;
    if (const auto* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
    if (const auto* value = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*value);
    return std::nullopt;
}

const Json::Array& Json::items() const noexcept {
    static const Array none;
    const Array* array = std::get_if<Array>(&value_);
    return array == nullptr ? none : *array;
}

const Json::Object& Json::members() const noexcept {
    static const Object none;
    const Object* object = std::get_if<Object>(&value_);
    return object == nullptr ? none : *object;
}

const Json* Json::find(std::string_view name) const noexcept {
    for (const Member& member : members())
        if (member.first == name) return &member.second;
    return nullptr;
}

Json& Json::set(std::string_view name, Json value) {
    if (is_null()) value_ = Object{};
    Object* object = std::get_if<Object>(&value_);
    ASSERT(object != nullptr);
    auto found = std::find_if(object->begin(), object->end(), [&](const Member& m) { return m.first == name; });
    if (found != object->end())
        found->second = std::move(value);
    else
        object->emplace_back(std::string(name), std::move(value));
    return *this;
}

Json& Json::push(Json value) {
    if (is_null()) value_ = Array{};
    Array* array = std::get_if<Array>(&value_);
    ASSERT(array != nullptr);
    array->push_back(std::move(value));
    return *this;
}

std::string Json::dump(int indent) const {
    return to_library(*this).dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<Json> Json::parse(std::string_view text) {
    Builder builder;
    if (!nlohmann::ordered_json::sax_parse(text, &builder)) return fail("read JSON: " + builder.error());
    return builder.take();
}

bool Json::operator==(const Json& other) const noexcept {
    if (value_.index() == other.value_.index()) return value_ == other.value_;
    const auto mine = as_int();
    return mine.has_value() && mine == other.as_int();
}

}  // namespace pinion::wire
