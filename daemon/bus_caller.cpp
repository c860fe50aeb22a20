// SPDX-License-Identifier: Apache-2.0
#include "daemon/bus_caller.h"

#include <cstdint>
#include <cstring>

#include "daemon/bus_state.h"

namespace pinion::daemon {
namespace {

// The loop stands still meanwhile: a bus that does not answer costs a caller its answer, not the workers their daemon.
constexpr std::uint64_t patience_usec = 1'000'000;

// Reads one entry of a{sv}; entries that say nothing of users are skipped.
int read_credential(sd_bus_message* reply, Caller& caller) {
    const char* name = nullptr;
    if (const int result = sd_bus_message_read(reply, "s", &name); result < 0) return result;
    if (std::strcmp(name, "UnixUserID") == 0) {
        std::uint32_t uid = 0;
        const int result = sd_bus_message_read(reply, "v", "u", &uid);
        if (result >= 0) caller.uid = uid;
        return result;
    }
    if (std::strcmp(name, "UnixGroupIDs") != 0) return sd_bus_message_skip(reply, "v");
    const void* groups = nullptr;
    std::size_t bytes = 0;
    int result = sd_bus_message_enter_container(reply, 'v', "au");
    if (result >= 0) result = sd_bus_message_read_array(reply, 'u', &groups, &bytes);
    if (result < 0) return result;
    caller.groups.resize(bytes / sizeof(std::uint32_t));
    if (bytes > 0) std::memcpy(caller.groups.data(), groups, bytes);
    return sd_bus_message_exit_container(reply);
}

}  // namespace

// By hand: libsystemd 252 leaves the groups out of what it asks the bus for.
std::optional<Caller> sender_of(sd_bus_message* message) {
    sd_bus_message* raw = nullptr;
    const char* sender = sd_bus_message_get_sender(message);
    sd_bus* bus = sd_bus_message_get_bus(message);
    if (sender == nullptr) return std::nullopt;
    sd_bus_message* request = nullptr;
    int result = sd_bus_message_new_method_call(bus, &request, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                "org.freedesktop.DBus", "GetConnectionCredentials");
    const MessagePtr call(request);
    if (result >= 0) result = sd_bus_message_append(request, "s", sender);
    if (result >= 0) result = sd_bus_call(bus, request, patience_usec, nullptr, &raw);
    const MessagePtr reply(raw);
    if (result >= 0) result = sd_bus_message_enter_container(raw, 'a', "{sv}");
    Caller caller;
    while (result >= 0 && (result = sd_bus_message_enter_container(raw, 'e', "sv")) > 0) {
        result = read_credential(raw, caller);
        if (result >= 0) result = sd_bus_message_exit_container(raw);
    }
    if (result < 0) return std::nullopt;
    return caller;
}

}  // namespace pinion::daemon
