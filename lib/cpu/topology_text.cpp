// SPDX-License-Identifier: Apache-2.0
#include "cpu/topology_text.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "cpu/domain.h"
#include "model/limits.h"

namespace pinion::cpu {
namespace {

constexpr std::string_view nodes_word = "nodes:";
constexpr std::size_t most_depth = 32;
constexpr std::array all_types{DomainType::machine, DomainType::package, DomainType::group, DomainType::numa,
                               DomainType::l3,      DomainType::l2,      DomainType::core,  DomainType::pu};

std::optional<DomainType> find_type(std::string_view word) {
    for (const DomainType type : all_types)
        if (word == to_string(type)) return type;
    return std::nullopt;
}

// Whether all below is threads, so that a list of CPUs tells it.
bool is_plain(const Domain& domain) {
    return std::ranges::all_of(domain.children, [&](const Domain& child) {
        return child.children.empty() && child.types == std::vector{DomainType::pu} &&
               child.numa_nodes == domain.numa_nodes;
    });
}

std::string head_of(const Domain& domain) {
    std::string text;
    for (const DomainType type : domain.types) text += (text.empty() ? "" : " ") + std::string(to_string(type));
    std::vector<std::string> nodes;
    for (const std::uint32_t node : domain.numa_nodes) nodes.push_back(std::to_string(node));
    return text + " " + std::string(nodes_word) + join(nodes, ",");
}

void write(const Domain& domain, std::size_t depth, std::vector<std::string>& lines) {
    std::string& line = lines.emplace_back(std::string(depth, ' ') + head_of(domain));
    if (is_plain(domain)) {
        if (domain.children.empty())
            for (const std::uint32_t cpu : domain.cpus.members()) line += " " + std::to_string(cpu);
        for (const Domain& child : domain.children) line += " +" + child.cpus.to_list();
        return;
    }
    for (const Domain& child : domain.children) write(child, depth + 1, lines);
}

class Reader {
public:
    explicit Reader(const std::vector<std::string>& lines) : lines_(lines) {}

    Result<Domain> read_all() {
        PINION_TRY(root, read(0));
        if (next_ < lines_.size()) return refuse("it belongs to nothing");
        return root;
    }

private:
    std::unexpected<Error> refuse(const std::string& why) const {
        const std::string line = next_ < lines_.size() ? "'" + printable(lines_[next_], 80) + "'" : "the end";
        return fail("read the machine at " + line + ": " + why);
    }

    [[nodiscard]] std::size_t depth() const { return std::min(lines_[next_].find_first_not_of(' '), most_depth + 1); }

    Result<Domain> read(std::size_t level) {
        if (next_ >= lines_.size()) return refuse("a domain is missing");
        if (depth() != level || level > most_depth) return refuse("its indentation fits nothing before it");
        Domain domain;
        PINION_CHECK(read_words(domain));
        ++next_;
        while (next_ < lines_.size() && depth() == level + 1) {
            PINION_TRY(child, read(level + 1));
            if (child.cpus.intersects(domain.cpus)) {
                --next_;
                return refuse("a CPU of it is elsewhere, too");
            }
            domain.cpus |= child.cpus;
            domain.children.push_back(std::move(child));
        }
        if (domain.cpus.empty()) {
            --next_;
            return refuse("it has no CPU");
        }
        return domain;
    }

    // Types, then nodes, then CPUs: "8" alone, or "+8" as a thread of its own.
    Result<void> read_words(Domain& domain) const {
        for (std::string_view word : split(trim(lines_[next_]), ' ')) {
            if (const auto type = find_type(word)) {
                domain.types.push_back(*type);
            } else if (word.starts_with(nodes_word)) {
                if (word.size() == nodes_word.size()) continue;
                for (std::string_view node : split(word.substr(nodes_word.size()), ',')) {
                    PINION_TRY(id, number(node));
                    domain.numa_nodes.push_back(id);
                }
            } else {
                const bool thread = word.starts_with('+');
                PINION_TRY(cpu, number(thread ? word.substr(1) : word));
                if (cpu >= limits::max_cpus || domain.cpus.contains(cpu))
                    return refuse("a CPU is twice there, or too large");
                domain.cpus.add(cpu);
                if (thread)
                    domain.children.push_back(
                        {.types = {DomainType::pu}, .cpus = {cpu}, .numa_nodes = domain.numa_nodes, .children = {}});
            }
        }
        if (domain.types.empty()) return refuse("it names no level");
        return {};
    }

    Result<std::uint32_t> number(std::string_view text) const {
        const auto value = parse_integer(text);
        if (!value || *value < 0 || *value > 1'000'000) return refuse("'" + printable(text, 40) + "' is no number");
        return static_cast<std::uint32_t>(*value);
    }

    const std::vector<std::string>& lines_;
    std::size_t next_ = 0;
};

}  // namespace

std::vector<std::string> domain_lines(const Domain& root) {
    std::vector<std::string> lines;
    write(root, 0, lines);
    return lines;
}

Result<Domain> domain_from_lines(const std::vector<std::string>& lines) { return Reader(lines).read_all(); }

}  // namespace pinion::cpu
