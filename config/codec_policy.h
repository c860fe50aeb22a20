// SPDX-License-Identifier: Apache-2.0
// Codecs of how a pool is run: when its workers are restarted, where their output goes.
#pragma once

#include "config/codec.h"

namespace pinion::config {

struct KindWords {
    using Value = PoolKind;
    static constexpr std::string_view words[] = {"service", "jobs"};
};

struct RestartWords {
    using Value = RestartWhen;
    static constexpr std::string_view words[] = {"always", "on_failure", "never"};
};

struct ReadyWords {
    using Value = StartPolicy::Ready;
    static constexpr std::string_view words[] = {"exec", "notify"};
};

// `none` or {count, within}.
struct RestartLimitCodec {
    using Value = std::optional<RestartLimit>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

struct ExitPatternsCodec {
    using Value = std::vector<ExitPattern>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

struct PoolNamesCodec {
    using Value = std::vector<std::string>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// `direct` takes the priority that its stream has by default, so that there is a codec for each of the two.
struct LogTargetType {
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, LogTarget& value, int default_priority);
    static Printed print(const LogTarget& value);
};
template <int default_priority>
struct LogTargetCodec {
    using Value = LogTarget;
    static std::string type() { return LogTargetType::type(); }
    static std::string schema() { return LogTargetType::schema(); }
    static void read(const Reading& reading, const Node& node, Value& value) {
        LogTargetType::read(reading, node, value, default_priority);
    }
    static Printed print(const Value& value) { return LogTargetType::print(value); }
};

[[nodiscard]] std::string to_string(const ExitPattern& pattern);

}  // namespace pinion::config
