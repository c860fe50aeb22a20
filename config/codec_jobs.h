// SPDX-License-Identifier: Apache-2.0
// Codecs of job pools: how their workers are spoken to, how their queue is kept, how a job is tried, who may submit.
#pragma once

#include "config/codec.h"

namespace pinion::config {

struct ProtocolWords {
    using Value = JobProtocol;
    static constexpr std::string_view words[] = {"exec", "lines", "frames"};
};

struct PayloadWords {
    using Value = PayloadKind;
    static constexpr std::string_view words[] = {"json", "raw"};
};

struct DurabilityWords {
    using Value = Durability;
    static constexpr std::string_view words[] = {"memory", "os", "fsync"};
};

// auto or a number.
struct PrefetchCodec {
    using Value = std::optional<std::uint32_t>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// A duration that is not 0.
struct SpanCodec : DurationCodec {
    static std::string type();
    static void read(const Reading& reading, const Node& node, Value& value);
};

// A size that is not 0.
struct SizeCodec {
    using Value = std::uint64_t;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// `none` where there is no bound.
template <class Codec>
struct OrNoneCodec {
    using Value = std::optional<typename Codec::Value>;
    static std::string type() { return "none, or " + Codec::type(); }
    static std::string schema() { return R"({"anyOf":[{"const":"none"},)" + Codec::schema() + "]}"; }
    static void read(const Reading& reading, const Node& node, Value& value) {
        if (node.is_scalar() && node.text == "none") return value.reset();
        OptionalCodec<Codec>::read(reading, node, value);
    }
    static Printed print(const Value& value) { return value ? Codec::print(*value) : Printed("none"); }
};

struct RetryOnCodec {
    using Value = RetryOn;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// {gpu: 1}: names and permits.
struct SemaphoresCodec {
    using Value = Semaphores;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// A list of values, each as JSON text. Its bounds are those of all of them together.
struct InputsCodec {
    using Value = std::vector<DraftInput>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// {users: [alice], groups: [pinion]}
struct AllowCodec {
    using Value = DraftAllow;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

}  // namespace pinion::config
