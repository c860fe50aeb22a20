// SPDX-License-Identifier: Apache-2.0
#include "ctl/bus_value.h"

#include <systemd/sd-bus.h>

#include <cerrno>

namespace pinion::ctl {

namespace {

using wire::Json;

Result<Json> read(sd_bus_message* message, std::size_t depth);

Result<Json> malformed(int r) { return fail_errno(r == 0 ? EBADMSG : r, "read the daemon's answer"); }

// A basic value of the C type that the bus gives for it.
template <class T>
Result<Json> read_basic(sd_bus_message* message, char type) {
    T value{};
    if (const int r = sd_bus_message_read_basic(message, type, &value); r <= 0) return malformed(r);
    return Json(value);
}

Result<Json> read_scalar(sd_bus_message* message, char type) {
    switch (type) {
        case SD_BUS_TYPE_STRING:
        case SD_BUS_TYPE_OBJECT_PATH:
        case SD_BUS_TYPE_SIGNATURE: return read_basic<const char*>(message, type);
        case SD_BUS_TYPE_BOOLEAN: {
            int value = 0;
            if (const int r = sd_bus_message_read_basic(message, type, &value); r <= 0) return malformed(r);
            return Json(value != 0);
        }
        case SD_BUS_TYPE_BYTE: return read_basic<std::uint8_t>(message, type);
        case SD_BUS_TYPE_INT16: return read_basic<std::int16_t>(message, type);
        case SD_BUS_TYPE_UINT16: return read_basic<std::uint16_t>(message, type);
        case SD_BUS_TYPE_INT32: return read_basic<std::int32_t>(message, type);
        case SD_BUS_TYPE_UINT32: return read_basic<std::uint32_t>(message, type);
        case SD_BUS_TYPE_INT64: return read_basic<std::int64_t>(message, type);
        case SD_BUS_TYPE_UINT64: return read_basic<std::uint64_t>(message, type);
        case SD_BUS_TYPE_DOUBLE: return read_basic<double>(message, type);
        default: break;
    }
    const char contents[2] = {type, '\0'};
    if (const int r = sd_bus_message_skip(message, contents); r < 0) return malformed(r);
    return Json();
}

// Elements until the end of the container that has been entered.
Result<Json> read_elements(sd_bus_message* message, std::size_t depth) {
    Json list = Json::array();
    for (;;) {
        const int end = sd_bus_message_at_end(message, 0);
        if (end < 0) return malformed(end);
        if (end > 0) return list;
        PINION_TRY(item, read(message, depth));
        list.push(std::move(item));
    }
}

Result<Json> read_dictionary(sd_bus_message* message, const char* entry, std::size_t depth) {
    Json object = Json::object();
    for (;;) {
        int r = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, entry);
        if (r < 0) return malformed(r);
        if (r == 0) return object;
        PINION_TRY(key, read(message, depth));
        PINION_TRY(value, read(message, depth));
        if (r = sd_bus_message_exit_container(message); r < 0) return malformed(r);
        const std::string* name = key.as_string();
        object.set(name != nullptr ? *name : key.dump(), std::move(value));
    }
}

Result<Json> read_container(sd_bus_message* message, char type, const std::string& contents, std::size_t depth) {
    if (depth == 0) return fail_errno(EBADMSG, "read the daemon's answer");
    if (const int r = sd_bus_message_enter_container(message, type, contents.c_str()); r <= 0) return malformed(r);
    Result<Json> value = Json();
    if (type == SD_BUS_TYPE_VARIANT)
        value = read(message, depth - 1);
    else if (type == SD_BUS_TYPE_ARRAY && contents.starts_with('{'))
        value = read_dictionary(message, contents.substr(1, contents.size() - 2).c_str(), depth - 1);
    else
        value = read_elements(message, depth - 1);
    if (!value) return value;
    if (const int r = sd_bus_message_exit_container(message); r < 0) return malformed(r);
    return value;
}

Result<Json> read(sd_bus_message* message, std::size_t depth) {
    char type = 0;
    const char* contents = nullptr;
    if (const int r = sd_bus_message_peek_type(message, &type, &contents); r <= 0) return malformed(r);
    // The text belongs to the message and moves with it: copied before the message is read on.
    if (contents != nullptr) return read_container(message, type, std::string(contents), depth);
    return read_scalar(message, type);
}

}  // namespace

Result<Json> read_bus_value(sd_bus_message* message) { return read(message, Json::max_depth); }

}  // namespace pinion::ctl
