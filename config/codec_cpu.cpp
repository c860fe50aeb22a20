// SPDX-License-Identifier: Apache-2.0
// Workers, the CPUs they get, and the CPUs of the machine that pools may use.
#include "config/codec_cpu.h"

#include <algorithm>

#include "base/text.h"
#include "config/codec_enforcement.h"
#include "model/limits.h"

namespace pinion::config {
namespace {

// The pattern of the kernel's list format.
constexpr std::string_view cpu_list_pattern = R"(^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$)";

// "numa:0"
std::optional<CpuPlace> parse_place(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto* const level = std::ranges::find(level_words, text.substr(0, colon));
    const auto index = parse_integer(text.substr(colon + 1));
    if (level == std::end(level_words) || !index || *index < 0 || *index >= limits::max_cpus) return std::nullopt;
    return CpuPlace{static_cast<CpuLevel>(level - std::begin(level_words)), static_cast<std::uint32_t>(*index)};
}

// Adds what `node` names; false where that was reported.
bool read_scope_part(const Reading& reading, const Node& node, CpuScope& scope) {
    if (node.is_scalar() && node.text.find(':') != std::string::npos) {
        const auto place = parse_place(node.text);
        if (!place)
            reading.error(node, "bad-value", in_quotes(node.text) + " is no place such as numa:0, l3:3 or core:5");
        if (place) scope.places.push_back(*place);
        return place.has_value();
    }
    const auto cpus = read_cpu_list(reading, node);
    if (cpus) scope.cpus |= *cpus;
    return cpus.has_value();
}

void read_cpu_word(const Reading& reading, const Node& node, CpuRequest& value) {
    static constexpr std::string_view words[] = {"auto",     "none", "1 core", "2 cores",
                                                 "1 thread", "l3",   "numa",   "package"};
    const std::string_view text = node.text;
    if (text == "auto") {
        value = CpuAuto{};
    } else if (text == "none") {
        value = CpuNone{};
    } else if (parse_seat(text)) {
        CpuExclusive seat;
        read_seat_word(reading, node, seat);
        value = seat;
    } else {
        const auto number = parse_integer(text);
        std::string hint = did_you_mean(text, words);
        if (number) hint = "did you mean '" + printable(text, 30) + (*number == 1 ? " core'?" : " cores'?");
        if (!number && CpuSet::parse(text)) hint = "CPUs by number stand in {seats: [...]}, a list for each worker";
        reading.expected(node, "auto, none, a seat such as \"2 cores\", or a block", hint);
    }
}

void read_seats(const Reading& reading, const Node& node, CpuSeats& seats) {
    if (!node.is_list()) return reading.expected(node, "a list such as [\"0,8\", \"2,10\"]");
    if (node.items.empty()) return reading.error(node, "bad-value", "the list of seats is empty");
    if (node.items.size() > limits::max_workers_per_pool)
        return reading.error(node, "out-of-range",
                             std::to_string(node.items.size()) + " seats are above the bound of " +
                                 std::to_string(limits::max_workers_per_pool));
    CpuSet taken;
    for (const Node* item : node.items) {
        const auto seat = read_cpu_list(reading, *item);
        if (!seat) continue;
        if (seat->intersects(taken))
            reading.error(*item, "E_CONFLICT", "CPU " + (*seat & taken).to_list() + " stands in two seats");
        taken |= *seat;
        seats.seats.push_back(*seat);
    }
}

// Named seats have no others to move to.
void read_seats_loss(const Reading& reading, const Node& node, CpuSeats& seats) {
    static constexpr auto words = std::span(CpuLossWords::words).subspan(1);
    if (const auto word = read_word(reading, node, words)) seats.on_cpu_loss = static_cast<CpuLoss>(*word + 1);
}

// All of the block is taken, or nothing.
void read_seats_block(const Reading& reading, const Node& block, const Node& list, CpuRequest& value) {
    const std::size_t errors = reading.report.error_calls();
    CpuSeats seats;
    read_seats(within(reading, "seats"), list, seats);
    if (const Entry* memory = block.find("memory"))
        WordCodec<MemoryWords>::read(within(reading, "memory"), *memory->value, seats.memory);
    if (const Entry* names = block.find("threads_env"))
        ThreadsEnvCodec::read(within(reading, "threads_env"), *names->value, seats.threads_env);
    if (const Entry* loss = block.find("on_cpu_loss"))
        read_seats_loss(within(reading, "on_cpu_loss"), *loss->value, seats);
    if (reading.report.error_calls() == errors) value = std::move(seats);
}

}  // namespace

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

std::string cpu_list_schema() {
    return R"({"type":["string","integer"],"pattern":")" + std::string(cpu_list_pattern) + R"("})";
}

std::optional<CpuLevel> read_level(const Reading& reading, const Node& node) {
    const auto word = read_word(reading, node, std::span(level_words).subspan(1));
    if (!word) return std::nullopt;
    return static_cast<CpuLevel>(*word + 1);
}

std::string WorkersCodec::type() {
    return "number 0 to " + std::to_string(limits::max_workers_per_pool) +
           ", auto, or {per: l3, numa or package, count: N}";
}
std::string WorkersCodec::schema() {
    const std::string number =
        R"({"type":"integer","minimum":0,"maximum":)" + std::to_string(limits::max_workers_per_pool) + "}";
    return R"({"anyOf":[)" + number + R"(,{"const":"auto"},)" +
           json_object_schema(R"("per":{"enum":["l3","numa","package"]},"count":)" + number, R"("per","count")") + "]}";
}
void WorkersCodec::read(const Reading& reading, const Node& node, Value& value) {
    static constexpr std::string_view keys[] = {"per", "count"};
    const Entry* per = node.find("per");
    const Entry* count = node.find("count");
    if (node.is_map()) {
        check_block_keys(reading, node, keys);
        if (per == nullptr) reading.error(node, "missing-key", "key 'per' is missing");
        if (count == nullptr) reading.error(node, "missing-key", "key 'count' is missing");
        if (per == nullptr || count == nullptr) return;
        const auto level = read_level(within(reading, "per"), *per->value);
        const auto number = read_integer(within(reading, "count"), *count->value, {0, limits::max_workers_per_pool});
        if (!level || !number) return;
        value.automatic = false;
        value.number = static_cast<std::uint32_t>(*number);
        value.per = level;
        return;
    }
    if (node.is_scalar() && node.text == "auto") {
        value.automatic = true;
        value.per.reset();
        return;
    }
    if (node.is_scalar() && !parse_integer(node.text) &&
        node.text.find_first_not_of("-0123456789") != std::string::npos)
        return reading.expected(node, "a number or auto");
    const auto number = read_integer(reading, node, {0, limits::max_workers_per_pool});
    if (!number) return;
    value.automatic = false;
    value.number = static_cast<std::uint32_t>(*number);
    value.per.reset();
}
Printed WorkersCodec::print(const Value& value) {
    if (value.automatic) return "auto";
    if (!value.per) return std::to_string(value.number);
    return "{per: " + std::string(level_words[static_cast<std::size_t>(*value.per)]) +
           ", count: " + std::to_string(value.number) + "}";
}

std::string CpuCodec::type() { return "auto, none, N cores, N threads, l3, numa, package, or a block"; }
std::string CpuCodec::schema() {
    return R"({"anyOf":[{"enum":["auto","none"]},)" + seat_schema() + "," +
           json_object_schema(R"("seats":{"type":"array","minItems":1,"items":)" + cpu_list_schema() +
                                  R"(},"memory":)" + json_enum(MemoryWords::words) + R"(,"threads_env":)" +
                                  ThreadsEnvCodec::schema() + R"(,"on_cpu_loss":)" +
                                  json_enum(std::span(CpuLossWords::words).subspan(1)),
                              R"("seats")") +
           "," + json_object_schema(SeatBlock::schema_members()) + "]}";
}
void CpuCodec::read(const Reading& reading, const Node& node, Value& value) {
    static constexpr std::string_view list_keys[] = {"seats", "memory", "threads_env", "on_cpu_loss"};
    if (node.is_scalar()) return read_cpu_word(reading, node, value);
    if (!node.is_map()) return reading.expected(node, "auto, none, a seat such as \"2 cores\", or a block");
    if (node.entries.empty()) return reading.error(node, "missing-key", "key 'seat' or 'seats' is missing");
    if (const Entry* seats = node.find("seats")) {
        check_block_keys(reading, node, list_keys);
        return read_seats_block(reading, node, *seats->value, value);
    }
    CpuExclusive seat;
    SeatBlock::read(reading, node, seat);
    value = std::move(seat);
}
Printed CpuCodec::print(const Value& value) {
    if (std::holds_alternative<CpuAuto>(value)) return "auto";
    if (std::holds_alternative<CpuNone>(value)) return "none";
    if (const auto* exclusive = std::get_if<CpuExclusive>(&value)) return SeatBlock::print(*exclusive);
    const auto& seats = std::get<CpuSeats>(value);
    std::vector<std::string> lists;
    for (const auto& seat : seats.seats) lists.push_back(yaml_text(seat.to_list()));
    std::string text = "{seats: " + yaml_list(lists);
    if (seats.memory != CpuSeats{}.memory) text += ", memory: " + WordCodec<MemoryWords>::print(seats.memory).text;
    if (seats.threads_env != ThreadsEnv{}) text += ", threads_env: " + ThreadsEnvCodec::print(seats.threads_env).text;
    if (seats.on_cpu_loss != CpuSeats{}.on_cpu_loss)
        text += ", on_cpu_loss: " + std::string(CpuLossWords::words[static_cast<std::size_t>(seats.on_cpu_loss)]);
    return text + "}";
}

std::string ScopeCodec::type() { return "all, a list of CPUs, a place such as numa:0, or a list of these"; }
std::string ScopeCodec::schema() {
    const std::string part =
        R"({"anyOf":[)" + cpu_list_schema() + R"(,{"type":"string","pattern":"^(core|l3|numa|package):[0-9]+$"}]})";
    return R"({"anyOf":[{"const":"all"},)" + part + R"(,{"type":"array","minItems":1,"items":)" + part + "}]}";
}
void ScopeCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (node.is_scalar() && node.text == "all") {
        value.reset();
        return;
    }
    CpuScope scope;
    if (!node.is_list()) {
        if (read_scope_part(reading, node, scope)) value = std::move(scope);
        return;
    }
    if (node.items.empty()) return reading.error(node, "bad-value", "the list of CPUs is empty");
    bool good = true;
    for (const Node* item : node.items) good = read_scope_part(reading, *item, scope) && good;
    if (good) value = std::move(scope);
}
Printed ScopeCodec::print(const Value& value) {
    if (!value) return "all";
    std::vector<std::string> parts;
    for (const CpuPlace& place : value->places)
        parts.push_back(std::string(level_words[static_cast<std::size_t>(place.level)]) + ":" +
                        std::to_string(place.index));
    if (!value->cpus.empty()) parts.push_back(yaml_text(value->cpus.to_list()));
    return parts.size() == 1 ? parts.front() : yaml_list(parts);
}

std::string ReserveCodec::type() { return "number of cores, {cpus: LIST}, or {per: l3, numa or package, cores: N}"; }
std::string ReserveCodec::schema() {
    return R"({"anyOf":[)" + IntegerType::schema({0, limits::max_cpus}) + "," +
           json_object_schema(R"("cpus":)" + cpu_list_schema(), R"("cpus")") + "," +
           json_object_schema(
               R"("per":{"enum":["l3","numa","package"]},"cores":)" + IntegerType::schema({0, limits::max_cpus}),
               R"("per","cores")") +
           "]}";
}
void ReserveCodec::read(const Reading& reading, const Node& node, Value& value) {
    static constexpr std::string_view keys[] = {"cpus", "per", "cores"};
    if (!node.is_map()) {
        const auto cores = read_integer(reading, node, {0, limits::max_cpus});
        if (cores) value.reserve_cores = static_cast<std::uint32_t>(*cores);
        return;
    }
    check_block_keys(reading, node, keys);
    const Entry* cpus = node.find("cpus");
    const Entry* per = node.find("per");
    const Entry* cores = node.find("cores");
    if (cpus == nullptr && (per == nullptr || cores == nullptr))
        return reading.error(node, "missing-key",
                             node.entries.empty() ? "key 'cpus' is missing" : "'per' and 'cores' go together");
    if (cpus != nullptr && (per != nullptr || cores != nullptr))
        return reading.error(node, "bad-value", "'cpus' goes without 'per' and 'cores'");
    if (cpus != nullptr) {
        value.reserve_cpus = read_cpu_list(within(reading, "cpus"), *cpus->value);
        return;
    }
    const auto level = read_level(within(reading, "per"), *per->value);
    const auto number = read_integer(within(reading, "cores"), *cores->value, {0, limits::max_cpus});
    if (!level || !number) return;
    value.reserve_per = level;
    value.reserve_cores = static_cast<std::uint32_t>(*number);
}
Printed ReserveCodec::print(const Value& value) {
    if (value.reserve_cpus) return "{cpus: " + yaml_text(value.reserve_cpus->to_list()) + "}";
    if (!value.reserve_per) return std::to_string(value.reserve_cores);
    return "{per: " + std::string(level_words[static_cast<std::size_t>(*value.reserve_per)]) +
           ", cores: " + std::to_string(value.reserve_cores) + "}";
}

}  // namespace pinion::config
