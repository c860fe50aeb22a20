// SPDX-License-Identifier: Apache-2.0
// Codecs of the machine's CPUs: how many workers, which CPUs each gets, which of them pools may use at all.
#pragma once

#include "config/codec.h"

namespace pinion::config {

// A number, `auto` or {per, count}. `max_workers` is a key of its own, and is left alone.
struct WorkersCodec {
    using Value = WorkerCount;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

struct CpuCodec {
    using Value = CpuRequest;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// `all`, a list of CPUs, a place such as numa:0, or a list of both.
struct ScopeCodec {
    using Value = std::optional<CpuScope>;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

// The members of MachineSpec that `machine.reserve` stands for.
struct ReserveCodec {
    using Value = MachineSpec;
    static std::string type();
    static std::string schema();
    static void read(const Reading& reading, const Node& node, Value& value);
    static Printed print(const Value& value);
};

struct IsolatedWords {
    using Value = MachineSpec::Isolated;
    static constexpr std::string_view words[] = {"skip", "allow", "only"};
};

// A truth with two words, the one for false first.
struct InheritedMaskWords {
    using Value = bool;
    static constexpr std::string_view words[] = {"ignore", "honor"};
};
struct HalfCoresWords {
    using Value = bool;
    static constexpr std::string_view words[] = {"forbid", "warn"};
};

// The levels that a key may name, in the order of CpuLevel; `core` first.
inline constexpr std::string_view level_words[] = {"core", "l3", "numa", "package"};
// A level above cores; nothing is reported where it is missing in a map.
[[nodiscard]] std::optional<CpuLevel> read_level(const Reading& reading, const Node& node);
// A list of CPUs in the kernel's format, not empty.
[[nodiscard]] std::optional<CpuSet> read_cpu_list(const Reading& reading, const Node& node);
[[nodiscard]] std::string cpu_list_schema();

// "2 cores", "1 thread", "l3": what a seat is made of. Nothing where the text is none of these; a count of 0 where the
// number is out of bounds.
[[nodiscard]] std::optional<CpuExclusive> parse_seat(std::string_view text);
[[nodiscard]] std::string seat_text(const CpuExclusive& seat);
[[nodiscard]] std::string seat_schema();
// Reads `text` as a seat into `value`'s unit and count, or reports what else it may be.
void read_seat_word(const Reading& reading, const Node& node, CpuExclusive& value);

// A block of seat, place, within and so on.
struct SeatBlock {
    static std::string schema_members();  // JSON text without braces
    static void read(const Reading& reading, const Node& node, CpuExclusive& value);
    static Printed print(const CpuExclusive& value);
};

}  // namespace pinion::config
