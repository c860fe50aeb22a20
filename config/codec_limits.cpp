// SPDX-License-Identifier: Apache-2.0
// `limits:` the kernel's resource limits of a worker, by the names that `ulimit` and limits.conf use.
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"
#include "base/units.h"
#include "config/codec_command.h"

namespace pinion::config {
namespace {

enum class Unit : std::uint8_t { count, bytes, seconds, microseconds };

struct LimitName {
    std::string_view name;
    int resource;
    Unit unit;
};

constexpr auto limit_names = std::to_array<LimitName>({{"as", RLIMIT_AS, Unit::bytes},
                                                       {"core", RLIMIT_CORE, Unit::bytes},
                                                       {"cpu", RLIMIT_CPU, Unit::seconds},
                                                       {"data", RLIMIT_DATA, Unit::bytes},
                                                       {"fsize", RLIMIT_FSIZE, Unit::bytes},
                                                       {"locks", RLIMIT_LOCKS, Unit::count},
                                                       {"memlock", RLIMIT_MEMLOCK, Unit::bytes},
                                                       {"msgqueue", RLIMIT_MSGQUEUE, Unit::bytes},
                                                       {"nice", RLIMIT_NICE, Unit::count},
                                                       {"nofile", RLIMIT_NOFILE, Unit::count},
                                                       {"nproc", RLIMIT_NPROC, Unit::count},
                                                       {"rss", RLIMIT_RSS, Unit::bytes},
                                                       {"rtprio", RLIMIT_RTPRIO, Unit::count},
                                                       {"rttime", RLIMIT_RTTIME, Unit::microseconds},
                                                       {"sigpending", RLIMIT_SIGPENDING, Unit::count},
                                                       {"stack", RLIMIT_STACK, Unit::bytes}});
constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
static_assert(unlimited == RLIM_INFINITY);

std::vector<std::string_view> all_names() {
    std::vector<std::string_view> names;
    for (const auto& limit : limit_names) names.push_back(limit.name);
    return names;
}

// One of the two halves of a limit, as a node of its own so that the scalar readers report it.
std::optional<std::uint64_t> read_amount(const Reading& reading, const Node& node, Unit unit) {
    if (node.text == "unlimited") return unlimited;
    if (unit == Unit::bytes) return read_size(reading, node);
    if (unit == Unit::count) {
        const auto value = read_integer(reading, node, {0, std::numeric_limits<std::int32_t>::max()});
        return value ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
    }
    const auto span = read_duration(reading, node);
    if (!span) return std::nullopt;
    const auto us = static_cast<std::uint64_t>(span->count());
    if (unit == Unit::microseconds) return us;
    if (us % 1'000'000 == 0) return us / 1'000'000;
    reading.error(node, "bad-value", "the kernel counts whole seconds here");
    return std::nullopt;
}

std::optional<ResourceLimit> read_limit(const Reading& reading, const Node& node, const LimitName& name) {
    if (!node.is_scalar()) {
        reading.expected(node, "a limit such as 65536, 8MiB or unlimited");
        return std::nullopt;
    }
    const auto halves = split(node.text, ':');
    if (halves.size() > 2) {
        reading.expected(node, "one limit, or a soft and a hard one with ':' between");
        return std::nullopt;
    }
    Node soft_node = node;
    soft_node.text = std::string(halves.front());
    soft_node.plain = node.plain || halves.size() == 2;
    Node hard_node = soft_node;
    hard_node.text = std::string(halves.back());
    const auto soft = read_amount(reading, soft_node, name.unit);
    const auto hard = halves.size() == 2 ? read_amount(reading, hard_node, name.unit) : soft;
    if (!soft || !hard) return std::nullopt;
    if (*soft <= *hard) return ResourceLimit{name.resource, *soft, *hard};
    reading.error(node, "conflict", "the soft limit is above the hard one");
    return std::nullopt;
}

std::string print_amount(std::uint64_t amount, Unit unit) {
    if (amount == unlimited) return "unlimited";
    switch (unit) {
        case Unit::count: return std::to_string(amount);
        case Unit::bytes: return format_size(amount);
        case Unit::seconds: return format_duration(std::chrono::seconds(amount));
        case Unit::microseconds: return format_duration(Duration(amount));
    }
    return {};
}

std::string amount_schema(Unit unit) {
    constexpr std::string_view size = R"([0-9]+(\\.[0-9]+)?([KMGT]iB|[kMGT]?B))";
    constexpr std::string_view duration = R"(([0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d))+)";
    const std::string one = "(unlimited|0|" +
                            std::string(unit == Unit::count   ? "[0-9]+"
                                        : unit == Unit::bytes ? size
                                                              : duration) +
                            ")";
    const std::string text = R"({"type":"string","pattern":"^)" + one + "(:" + one + R"()?$"})";
    const std::string number = unit == Unit::count ? R"({"type":"integer","minimum":0})" : R"({"const":0})";
    return R"({"anyOf":[)" + text + "," + number + R"(,{"type":"null"}]})";
}

}  // namespace

std::string LimitsCodec::type() { return "map of limits: a number, size or duration, or unlimited"; }
std::string LimitsCodec::schema() {
    std::vector<std::string> members;
    for (const auto& limit : limit_names) members.push_back(json_text(limit.name) + ":" + amount_schema(limit.unit));
    return json_object_schema(join(members, ","));
}
void LimitsCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (!node.is_map()) return reading.expected(node, "a map such as {nofile: 65536, core: unlimited}");
    check_block_keys(reading, node, all_names());
    value.clear();
    for (const auto& name : limit_names) {
        const Entry* entry = node.find(name.name);
        if (entry == nullptr || entry->value->is_null()) continue;
        if (const auto limit = read_limit(within(reading, name.name), *entry->value, name)) value.push_back(*limit);
    }
}
Printed LimitsCodec::print(const Value& value) {
    if (value.empty()) return unset();
    Printed printed;
    for (const auto& limit : value) {
        const auto* name = std::ranges::find(limit_names, limit.resource, &LimitName::resource);
        if (name == limit_names.end()) continue;
        std::string text = print_amount(limit.soft, name->unit);
        if (limit.hard != limit.soft) text += ":" + print_amount(limit.hard, name->unit);
        printed.entries.emplace_back(std::string(name->name), text);
    }
    return printed;
}

}  // namespace pinion::config
