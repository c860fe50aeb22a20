// SPDX-License-Identifier: Apache-2.0
// Workers and the CPUs they get: the plain forms; those that the planner does not know yet are told as such.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/codec_policy.h"
#include "model/limits.h"

namespace pinion::config {
namespace {

constexpr auto seat_keys = std::to_array<std::string_view>({"seats"});
constexpr auto later_seat_keys =
    std::to_array<std::string_view>({"seat", "place", "smt", "kind", "within", "near", "require", "keep_out", "bind",
                                     "memory", "threads_env", "on_cpu_loss", "oversubscribe"});

void not_yet(const Reading& reading, const Node& node, const std::string& what) {
    reading.report.error(node.place, "not-yet", what + " is not supported yet");
}

// The pattern of the kernel's list format.
constexpr std::string_view cpu_list_pattern = R"(^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$)";

std::optional<CpuSet> read_cpu_list(const Reading& reading, const Node& node) {
    if (!node.is_scalar()) {
        reading.expected(node, "a list of CPUs such as \"0-3,8\"");
        return std::nullopt;
    }
    const auto set = CpuSet::parse(node.text);
    if (!set) {
        reading.error(node, "bad-value", set.error().message);
        return std::nullopt;
    }
    if (set->empty()) {
        reading.error(node, "bad-value", "the list of CPUs is empty");
        return std::nullopt;
    }
    return *set;
}

// "2 cores", "1 thread".
std::optional<CpuExclusive> parse_exclusive(std::string_view text) {
    const auto blank = text.find(' ');
    const auto number = parse_integer(text.substr(0, blank));
    if (blank == std::string_view::npos || !number) return std::nullopt;
    const auto unit = trim(text.substr(blank));
    CpuExclusive request;
    if (unit == "thread" || unit == "threads")
        request.unit = CpuExclusive::Unit::threads;
    else if (unit != "core" && unit != "cores")
        return std::nullopt;
    // Out of range is told apart from not understood: 0 stands for it.
    request.count = *number >= 1 && *number <= limits::max_cpus ? static_cast<std::uint32_t>(*number) : 0;
    return request;
}

void read_cpu_word(const Reading& reading, const Node& node, CpuRequest& value) {
    static constexpr std::string_view later[] = {"l3", "numa", "package"};
    static constexpr std::string_view words[] = {"auto",     "none", "1 core", "2 cores",
                                                 "1 thread", "l3",   "numa",   "package"};
    const std::string_view text = node.text;
    if (text == "auto") {
        value = CpuAuto{};
    } else if (text == "none") {
        value = CpuNone{};
    } else if (const auto request = parse_exclusive(text)) {
        if (request->count == 0)
            return reading.error(node, "out-of-range",
                                 in_quotes(text) + " is not from 1 to " + std::to_string(limits::max_cpus));
        value = *request;
    } else if (std::ranges::find(later, text) != std::end(later)) {
        not_yet(reading, node, in_quotes(reading.key) + ": " + in_quotes(text));
    } else {
        const auto number = parse_integer(text);
        std::string hint = did_you_mean(text, words);
        if (number) hint = "did you mean '" + printable(text, 30) + (*number == 1 ? " core'?" : " cores'?");
        if (!number && CpuSet::parse(text)) hint = "CPUs by number stand in {seats: [...]}, a list for each worker";
        reading.expected(node, "auto, none, \"N cores\", \"N threads\" or {seats: [...]}", hint);
    }
}

void read_seats(const Reading& reading, const Node& node, CpuRequest& value) {
    if (!node.is_list()) return reading.expected(node, "a list such as [\"0,8\", \"2,10\"]");
    if (node.items.empty()) return reading.error(node, "bad-value", "the list of seats is empty");
    if (node.items.size() > limits::max_workers_per_pool)
        return reading.error(node, "out-of-range",
                             std::to_string(node.items.size()) + " seats are above the bound of " +
                                 std::to_string(limits::max_workers_per_pool));
    CpuSeats seats;
    CpuSet taken;
    for (const Node* item : node.items) {
        const auto seat = read_cpu_list(reading, *item);
        if (!seat) continue;
        if (seat->intersects(taken))
            reading.error(*item, "E_CONFLICT", "CPU " + (*seat & taken).to_list() + " stands in two seats");
        taken |= *seat;
        seats.seats.push_back(*seat);
    }
    if (seats.seats.size() == node.items.size()) value = std::move(seats);
}

}  // namespace

std::string WorkersCodec::type() { return "number 0 to " + std::to_string(limits::max_workers_per_pool) + ", or auto"; }
std::string WorkersCodec::schema() {
    return R"({"anyOf":[{"type":"integer","minimum":0,"maximum":)" + std::to_string(limits::max_workers_per_pool) +
           R"(},{"const":"auto"}]})";
}
void WorkersCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (node.is_map()) return not_yet(reading, node, in_quotes(reading.key) + ": a block");
    if (node.is_scalar() && node.text == "auto") {
        value.automatic = true;
        return;
    }
    if (node.is_scalar() && !parse_integer(node.text) &&
        node.text.find_first_not_of("-0123456789") != std::string::npos)
        return reading.expected(node, "a number or auto");
    const auto number = read_integer(reading, node, {0, limits::max_workers_per_pool});
    if (number) value = {.automatic = false, .number = static_cast<std::uint32_t>(*number)};
}
Printed WorkersCodec::print(const Value& value) { return value.automatic ? "auto" : std::to_string(value.number); }

std::string CpuCodec::type() { return "auto, none, N cores, N threads, or {seats: [...]}"; }
std::string CpuCodec::schema() {
    const std::string seat = R"({"type":["string","integer"],"pattern":")" + std::string(cpu_list_pattern) + R"("})";
    return R"({"anyOf":[{"enum":["auto","none"]},{"type":"string","pattern":"^[0-9]+ +(cores?|threads?)$"},)" +
           json_object_schema(R"("seats":{"type":"array","minItems":1,"items":)" + seat + "}", R"("seats")") + "]}";
}
void CpuCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (node.is_scalar()) return read_cpu_word(reading, node, value);
    if (!node.is_map()) return reading.expected(node, "auto, none, \"N cores\", \"N threads\" or {seats: [...]}");
    check_block_keys(reading, node, seat_keys, later_seat_keys);
    const Entry* seats = node.find("seats");
    if (seats != nullptr) return read_seats(within(reading, "seats"), *seats->value, value);
    if (node.entries.empty()) reading.error(node, "missing-key", "key 'seats' is missing");
}
Printed CpuCodec::print(const Value& value) {
    if (std::holds_alternative<CpuAuto>(value)) return "auto";
    if (std::holds_alternative<CpuNone>(value)) return "none";
    if (const auto* exclusive = std::get_if<CpuExclusive>(&value)) {
        const bool cores = exclusive->unit == CpuExclusive::Unit::cores;
        return std::to_string(exclusive->count) + (cores ? " core" : " thread") + (exclusive->count == 1 ? "" : "s");
    }
    std::vector<std::string> lists;
    for (const auto& seat : std::get<CpuSeats>(value).seats) lists.push_back(yaml_text(seat.to_list()));
    return "{seats: " + yaml_list(lists) + "}";
}

std::string CpusCodec::type() { return "all, or a list of CPUs"; }
std::string CpusCodec::schema() {
    return R"({"anyOf":[{"const":"all"},{"type":["string","integer"],"pattern":")" + std::string(cpu_list_pattern) +
           R"("}]})";
}
void CpusCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (node.is_list()) return not_yet(reading, node, in_quotes(reading.key) + ": a list of places");
    if (node.is_scalar() && node.text == "all") {
        value.reset();
        return;
    }
    if (const auto set = read_cpu_list(reading, node)) value = set;
}
Printed CpusCodec::print(const Value& value) { return value ? yaml_text(value->to_list()) : "all"; }

std::string ReserveCodec::type() { return "number of cores, or {cpus: LIST}"; }
std::string ReserveCodec::schema() {
    return R"({"anyOf":[)" + IntegerType::schema({0, limits::max_cpus}) + "," +
           json_object_schema(
               R"("cpus":{"type":["string","integer"],"pattern":")" + std::string(cpu_list_pattern) + R"("})",
               R"("cpus")") +
           "]}";
}
void ReserveCodec::read(const Reading& reading, const Node& node, Value& value) {
    static constexpr std::string_view keys[] = {"cpus"};
    static constexpr std::string_view later[] = {"per", "cores"};
    if (!node.is_map()) {
        const auto cores = read_integer(reading, node, {0, limits::max_cpus});
        if (cores) value.reserve_cores = static_cast<std::uint32_t>(*cores);
        return;
    }
    check_block_keys(reading, node, keys, later);
    const Entry* cpus = node.find("cpus");
    if (cpus == nullptr && node.entries.empty()) return reading.error(node, "missing-key", "key 'cpus' is missing");
    if (cpus != nullptr) value.reserve_cpus = read_cpu_list(within(reading, "cpus"), *cpus->value);
}
Printed ReserveCodec::print(const Value& value) {
    if (!value.reserve_cpus) return std::to_string(value.reserve_cores);
    return "{cpus: " + yaml_text(value.reserve_cpus->to_list()) + "}";
}

}  // namespace pinion::config
