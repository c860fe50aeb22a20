// SPDX-License-Identifier: Apache-2.0
// The block of an exclusive seat: a table of its keys, each with its words; those that nothing enforces yet are told.
#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"
#include "config/codec_cpu.h"
#include "config/codec_enforcement.h"
#include "model/limits.h"

namespace pinion::config {
namespace {

using Words = std::span<const std::string_view>;
constexpr std::string_view place_words[] = {"spread", "pack"};
constexpr std::string_view smt_words[] = {"all", "one"};
constexpr std::string_view kind_words[] = {"performance", "efficiency", "any"};
constexpr std::string_view limit_words[] = {"none", "core", "l3", "numa", "package"};
constexpr std::string_view bind_words[] = {"seat", "core", "l3", "numa", "package", "pool"};
constexpr std::string_view oversubscribe_words[] = {"error", "shrink", "stack"};

// One key whose value is one of some words, by their number.
struct WordKey {
    std::string_view name;
    Words words;
    std::size_t (*held)(const CpuExclusive&);
    void (*set)(CpuExclusive&, std::size_t);
};

template <auto member>
std::size_t held(const CpuExclusive& seat) {
    return static_cast<std::size_t>(seat.*member);
}
template <auto member>
void set(CpuExclusive& seat, std::size_t word) {
    seat.*member = static_cast<std::remove_reference_t<decltype(seat.*member)>>(word);
}
// `none` and then the levels.
template <auto member>
std::size_t held_level(const CpuExclusive& seat) {
    return seat.*member ? static_cast<std::size_t>(*(seat.*member)) + 1 : 0;
}
template <auto member>
void set_level(CpuExclusive& seat, std::size_t word) {
    seat.*member = word == 0 ? std::nullopt : std::optional(static_cast<CpuLevel>(word - 1));
}

constexpr WordKey word_keys[] = {
    {"place", place_words, held<&CpuExclusive::place>, set<&CpuExclusive::place>},
    {"smt", smt_words, held<&CpuExclusive::smt>, set<&CpuExclusive::smt>},
    {"kind", kind_words, held<&CpuExclusive::kind>, set<&CpuExclusive::kind>},
    {"require", limit_words, held_level<&CpuExclusive::require>, set_level<&CpuExclusive::require>},
    {"keep_out", limit_words, held_level<&CpuExclusive::keep_out>, set_level<&CpuExclusive::keep_out>},
    {"bind", bind_words, held<&CpuExclusive::bind>, set<&CpuExclusive::bind>},
    {"memory", MemoryWords::words, held<&CpuExclusive::memory>, set<&CpuExclusive::memory>},
    {"on_cpu_loss", CpuLossWords::words, held<&CpuExclusive::on_cpu_loss>, set<&CpuExclusive::on_cpu_loss>},
    {"oversubscribe", oversubscribe_words, held<&CpuExclusive::oversubscribe>, set<&CpuExclusive::oversubscribe>},
};
constexpr std::string_view known_keys[] = {"seat",   "within",      "place",       "smt",
                                           "kind",   "require",     "keep_out",    "bind",
                                           "memory", "threads_env", "on_cpu_loss", "oversubscribe"};
constexpr std::string_view later_keys[] = {"near"};

std::optional<CpuExclusive::Unit> unit_of(std::string_view word) {
    if (word == "core" || word == "cores") return CpuExclusive::Unit::cores;
    if (word == "thread" || word == "threads") return CpuExclusive::Unit::threads;
    if (word == "l3") return CpuExclusive::Unit::l3;
    if (word == "numa") return CpuExclusive::Unit::numa;
    if (word == "package") return CpuExclusive::Unit::package;
    return std::nullopt;
}

bool is_counted(CpuExclusive::Unit unit) {
    return unit == CpuExclusive::Unit::cores || unit == CpuExclusive::Unit::threads;
}

}  // namespace

std::optional<CpuExclusive> parse_seat(std::string_view text) {
    CpuExclusive seat;
    const auto blank = text.find(' ');
    const auto unit = unit_of(blank == std::string_view::npos ? text : trim(text.substr(blank)));
    const auto number = parse_integer(text.substr(0, blank));
    if (!unit || is_counted(*unit) != (blank != std::string_view::npos)) return std::nullopt;
    seat.unit = *unit;
    if (!is_counted(*unit)) return seat;
    if (!number) return std::nullopt;
    seat.count = *number >= 1 && *number <= limits::max_cpus ? static_cast<std::uint32_t>(*number) : 0;
    return seat;
}

std::string seat_text(const CpuExclusive& seat) {
    static constexpr std::string_view words[] = {" core", " thread", "l3", "numa", "package"};
    const std::string word(words[static_cast<std::size_t>(seat.unit)]);
    if (!is_counted(seat.unit)) return word;
    return std::to_string(seat.count) + word + (seat.count == 1 ? "" : "s");
}

std::string seat_schema() {
    return R"({"anyOf":[{"enum":["l3","numa","package"]},{"type":"string","pattern":"^[0-9]+ +(cores?|threads?)$"}]})";
}

void read_seat_word(const Reading& reading, const Node& node, CpuExclusive& value) {
    static constexpr std::string_view words[] = {"1 core", "2 cores", "1 thread", "l3", "numa", "package"};
    static constexpr std::string_view expected = "\"N cores\", \"N threads\", l3, numa or package";
    if (!node.is_scalar()) return reading.expected(node, expected);
    const auto seat = parse_seat(node.text);
    if (!seat) return reading.expected(node, expected, did_you_mean(node.text, words));
    if (seat->count == 0)
        return reading.error(node, "out-of-range",
                             in_quotes(node.text) + " is not from 1 to " + std::to_string(limits::max_cpus));
    value.unit = seat->unit;
    value.count = seat->count;
}

std::string SeatBlock::schema_members() {
    std::string members = R"("seat":)" + seat_schema() + R"(,"within":)" + ScopeCodec::schema();
    for (const WordKey& key : word_keys) members += "," + json_text(key.name) + ":" + json_enum(key.words);
    members += R"(,"threads_env":)" + ThreadsEnvCodec::schema();
    return members;
}

void SeatBlock::read(const Reading& reading, const Node& node, CpuExclusive& value) {
    check_block_keys(reading, node, known_keys, later_keys);
    if (const Entry* seat = node.find("seat")) read_seat_word(config::within(reading, "seat"), *seat->value, value);
    if (const Entry* scope = node.find("within"))
        ScopeCodec::read(config::within(reading, "within"), *scope->value, value.within);
    for (const WordKey& key : word_keys) {
        const Entry* entry = node.find(key.name);
        if (entry == nullptr) continue;
        if (const auto word = read_word(config::within(reading, key.name), *entry->value, key.words))
            key.set(value, *word);
    }
    if (const Entry* names = node.find("threads_env"))
        ThreadsEnvCodec::read(config::within(reading, "threads_env"), *names->value, value.threads_env);
    if (value.smt == CpuExclusive::Smt::one && value.unit == CpuExclusive::Unit::threads)
        reading.error(node, "bad-value", "a seat of threads has no siblings to idle: 'smt: one' wants a seat of cores");
}

Printed SeatBlock::print(const CpuExclusive& value) {
    const CpuExclusive plain{.unit = value.unit, .count = value.count};
    if (value == plain) return seat_text(value);
    Printed block;
    block.entries.emplace_back("seat", seat_text(value));
    if (value.within) block.entries.emplace_back("within", ScopeCodec::print(value.within).text);
    for (const WordKey& key : word_keys)
        if (key.held(value) != key.held(plain))
            block.entries.emplace_back(std::string(key.name), std::string(key.words[key.held(value)]));
    if (value.threads_env != plain.threads_env)
        block.entries.emplace_back("threads_env", ThreadsEnvCodec::print(value.threads_env).text);
    return block;
}

}  // namespace pinion::config
