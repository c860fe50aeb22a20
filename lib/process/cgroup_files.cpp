// SPDX-License-Identifier: Apache-2.0
#include "process/cgroup_files.h"

#include <algorithm>

#include "base/text.h"

namespace pinion::process {

std::optional<std::string> parse_own_cgroup(std::string_view text) {
    for (const std::string_view line : split(text, '\n'))
        if (line.starts_with("0::/")) return std::string(line.substr(3));
    return std::nullopt;
}

std::optional<std::string> find_cgroup_folder(const std::vector<Mount>& mounts, std::string_view path) {
    if (path.starts_with("/..")) return std::nullopt;
    for (const Mount& mount : mounts) {
        if (mount.type != "cgroup2") continue;
        if (mount.root == "/") return path == "/" ? mount.point : mount.point + std::string(path);
        if (!path.starts_with(mount.root)) continue;
        const std::string_view rest = path.substr(mount.root.size());
        if (rest.empty() || rest.starts_with('/')) return mount.point + std::string(rest);
    }
    return std::nullopt;
}

bool lists_controller(std::string_view text, std::string_view controller) {
    const auto words = split(trim(text), ' ');
    return std::ranges::find(words, controller) != words.end();
}

std::optional<std::uint64_t> find_flat_value(std::string_view text, std::string_view key) {
    for (const std::string_view line : split(text, '\n')) {
        if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
        const auto number = parse_integer(line.substr(key.size() + 1));
        if (number && *number >= 0) return static_cast<std::uint64_t>(*number);
    }
    return std::nullopt;
}

}  // namespace pinion::process
