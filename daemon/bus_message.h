// SPDX-License-Identifier: Apache-2.0
// Rows into D-Bus messages: dictionaries of variants, so that members can be added without breaking a client.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <string>

#include "daemon/views.h"

namespace pinion::daemon {

// Writes one a{sv} into a message. The first failure is kept, and everything after it skipped: asked once, at the end.
class DictWriter {
public:
    explicit DictWriter(sd_bus_message* message);
    DictWriter& text(const char* key, const std::string& value);
    DictWriter& number(const char* key, std::uint32_t value);
    DictWriter& big(const char* key, std::uint64_t value);
    DictWriter& byte(const char* key, std::uint8_t value);
    DictWriter& real(const char* key, double value);
    DictWriter& flag(const char* key, bool value);
    DictWriter& texts(const char* key, const std::vector<std::string>& values);
    // Closes the dictionary; the first error as -errno, or a value ≥ 0.
    [[nodiscard]] int close();
    [[nodiscard]] sd_bus_message* message() const noexcept { return message_; }
    void keep(int result) noexcept {
        if (result_ >= 0) result_ = result;
    }
    [[nodiscard]] bool good() const noexcept { return result_ >= 0; }

private:
    sd_bus_message* message_;
    int result_ = 0;
};

// Each appends one a{sv}; -errno or ≥ 0.
[[nodiscard]] int append(sd_bus_message* message, const PoolRow& row);
[[nodiscard]] int append(sd_bus_message* message, const WorkerRow& row);
[[nodiscard]] int append(sd_bus_message* message, const EventRow& row);
[[nodiscard]] int append(sd_bus_message* message, const StatsRow& row);
[[nodiscard]] int append(sd_bus_message* message, const LifeRow& row);
[[nodiscard]] int append(sd_bus_message* message, const Explanation& row);

// An array of them: aa{sv}.
template <class Rows>
[[nodiscard]] int append_all(sd_bus_message* message, const Rows& rows) {
    int result = sd_bus_message_open_container(message, 'a', "a{sv}");
    for (const auto& row : rows)
        if (result >= 0) result = append(message, row);
    return result < 0 ? result : sd_bus_message_close_container(message);
}

[[nodiscard]] std::uint64_t to_usec(WallTime time) noexcept;

}  // namespace pinion::daemon
