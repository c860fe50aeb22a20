// SPDX-License-Identifier: Apache-2.0
// Codecs of how placement is kept: at which level, where memory lies, what libraries are told of the seat.
#pragma once

#include "config/codec.h"

namespace pinion::config {

// auto, affinity or cpuset; the levels that are still to come are told as such.
struct EnforceCodec {
    using Value = std::optional<Enforcement>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

struct MemoryWords {
    using Value = MemoryPolicy;
    static constexpr std::string_view words[] = {"near", "strict", "interleave", "off"};
};

struct CpuLossWords {
    using Value = CpuLoss;
    static constexpr std::string_view words[] = {"move", "share", "stop"};
};

// ignore, warn or error; what is still to come is told as such.
struct ForeignPinsCodec {
    using Value = MachineSpec::ForeignPins;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// A duration, 0 for none, or limits::shortest_audit and more.
struct AuditCodec : DurationCodec {
    static std::string type();
    static void read(const Reading& reading, const Node& node, Value& value);
};

// auto, off or a list of names of variables.
struct ThreadsEnvCodec {
    using Value = ThreadsEnv;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

}  // namespace pinion::config
