// SPDX-License-Identifier: Apache-2.0
#include "cpu/quota.h"

#include <algorithm>
#include <cerrno>

#include "base/fd.h"
#include "base/text.h"

namespace pinion::cpu {
namespace {

constexpr std::size_t max_proc_bytes = 4 << 20;  // mountinfo of a host with thousands of containers
constexpr std::size_t max_value_bytes = 4096;

bool lists(std::string_view controllers, std::string_view controller) {
    return std::ranges::any_of(split(controllers, ','), [&](std::string_view name) { return name == controller; });
}

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescaped(std::string_view text) {
    const auto octal = [](char c) { return c >= '0' && c <= '7'; };
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) && octal(text[i + 3])) {
            plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
            continue;
        }
        plain += text[i];
    }
    return plain;
}

std::optional<CgroupMount> parse_mount(std::string_view line, std::string_view controller) {
    // 36 35 98:0 ROOT FOLDER options [optional fields] - TYPE source super-options
    const std::vector<std::string_view> fields = split(line, ' ');
    const auto dash = std::ranges::find(fields, std::string_view("-"));
    if (dash - fields.begin() < 6 || fields.end() - dash < 4) return std::nullopt;
    const bool unified = dash[1] == "cgroup2";
    if (!unified && (dash[1] != "cgroup" || !lists(dash[3], controller))) return std::nullopt;
    return CgroupMount{.unified = unified, .root = unescaped(fields[3]), .folder = unescaped(fields[4])};
}

// What of `path` lies below `root`: "" or "/…". Nothing where it does not.
std::optional<std::string> below(const std::string& root, const std::string& path) {
    if (root == "/") return path == "/" ? "" : path;
    if (path == root) return "";
    if (path.starts_with(root + "/")) return path.substr(root.size());
    return std::nullopt;
}

std::optional<double> ratio(std::optional<long long> quota, std::optional<long long> period) {
    if (!quota || !period || *quota < 0 || *period <= 0) return std::nullopt;
    return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> quota_in(const std::string& folder, bool unified) {
    if (unified) {
        const auto text = read_file(folder + "/cpu.max", max_value_bytes);
        return text ? parse_cpu_max(*text) : std::nullopt;
    }
    const auto quota = read_file(folder + "/cpu.cfs_quota_us", max_value_bytes);
    const auto period = read_file(folder + "/cpu.cfs_period_us", max_value_bytes);
    return quota && period ? parse_cfs_quota(*quota, *period) : std::nullopt;
}

// The first of the folders, own first, that has the file decides.
Result<std::optional<CpuSet>> effective_in(const std::vector<std::string>& folders, const std::string& prefix,
                                           const std::string& file) {
    for (const std::string& folder : folders) {
        const std::string path = prefix + folder + "/" + file;
        const auto text = read_file(path, max_value_bytes);
        if (!text) continue;
        auto cpus = CpuSet::parse(*text);
        if (!cpus) return in_context("read '" + path + "'", std::move(cpus).error());
        return *std::move(cpus);
    }
    return std::nullopt;
}

}  // namespace

CgroupPlace parse_self_cgroup(std::string_view text, std::string_view controller) {
    CgroupPlace place;
    for (const std::string_view line : split(text, '\n')) {
        const std::size_t first = line.find(':');
        const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
        if (second == line.npos) continue;
        const std::string_view controllers = line.substr(first + 1, second - first - 1);
        const std::string_view path = line.substr(second + 1);
        if (controllers.empty() && line.substr(0, first) == "0") place.unified = path;
        if (lists(controllers, controller)) place.cpu_v1 = path;
    }
    return place;
}

std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo, std::string_view controller) {
    std::vector<CgroupMount> mounts;
    for (const std::string_view line : split(mountinfo, '\n'))
        if (auto mount = parse_mount(line, controller)) mounts.push_back(*std::move(mount));
    return mounts;
}

std::vector<std::string> cgroup_folders(const CgroupMount& mount, const std::string& path) {
    std::vector<std::string> folders;
    std::string rest = below(mount.root, path).value_or("");
    while (!rest.empty()) {
        folders.push_back(mount.folder + rest);
        rest.erase(rest.rfind('/'));
    }
    folders.push_back(mount.folder);
    return folders;
}

std::optional<double> parse_cpu_max(std::string_view text) {
    const std::vector<std::string_view> parts = split(trim(text), ' ');
    if (parts.size() != 2) return std::nullopt;
    return ratio(parse_integer(parts[0]), parse_integer(parts[1]));
}

std::optional<double> parse_cfs_quota(std::string_view quota, std::string_view period) {
    return ratio(parse_integer(trim(quota)), parse_integer(trim(period)));
}

Result<std::optional<double>> read_quota(const std::string& prefix) {
    const auto cgroup = read_file(prefix + "/proc/self/cgroup", max_proc_bytes);
    if (!cgroup && cgroup.error().code == ENOENT) return std::nullopt;  // a kernel without cgroups
    if (!cgroup) return std::unexpected(cgroup.error());
    PINION_TRY(mountinfo, read_file(prefix + "/proc/self/mountinfo", max_proc_bytes));

    const CgroupPlace place = parse_self_cgroup(*cgroup);
    std::optional<double> least;
    for (const CgroupMount& mount : parse_cgroup_mounts(mountinfo)) {
        const std::optional<std::string>& path = mount.unified ? place.unified : place.cpu_v1;
        if (!path) continue;
        for (const std::string& folder : cgroup_folders(mount, *path)) {
            const std::optional<double> quota = quota_in(prefix + folder, mount.unified);
            if (quota && (!least || *quota < *least)) least = quota;
        }
    }
    return least;
}

std::vector<std::string> cpuset_files(const std::string& prefix) {
    std::vector<std::string> files;
    const auto cgroup = read_file(prefix + "/proc/self/cgroup", max_proc_bytes);
    const auto mountinfo = read_file(prefix + "/proc/self/mountinfo", max_proc_bytes);
    if (!cgroup || !mountinfo) return files;
    const CgroupPlace place = parse_self_cgroup(*cgroup, "cpuset");
    for (const CgroupMount& mount : parse_cgroup_mounts(*mountinfo, "cpuset")) {
        const std::optional<std::string>& path = mount.unified ? place.unified : place.cpu_v1;
        if (!path) continue;
        for (const std::string& folder : cgroup_folders(mount, *path)) {
            files.push_back(prefix + folder + "/cpuset.cpus");
            if (mount.unified) files.push_back(prefix + folder + "/cgroup.subtree_control");
        }
    }
    return files;
}

Result<std::optional<CpuSet>> read_effective_cpus(const std::string& prefix, const std::string& process) {
    const auto cgroup = read_file(prefix + "/proc/" + process + "/cgroup", max_proc_bytes);
    if (!cgroup && cgroup.error().code == ENOENT) return std::nullopt;  // a kernel without cgroups
    if (!cgroup) return std::unexpected(cgroup.error());
    PINION_TRY(mountinfo, read_file(prefix + "/proc/self/mountinfo", max_proc_bytes));

    const CgroupPlace place = parse_self_cgroup(*cgroup, "cpuset");
    std::optional<CpuSet> effective;
    for (const CgroupMount& mount : parse_cgroup_mounts(mountinfo, "cpuset")) {
        const std::optional<std::string>& path = mount.unified ? place.unified : place.cpu_v1;
        if (!path) continue;
        const std::string file = mount.unified ? "cpuset.cpus.effective" : "cpuset.effective_cpus";
        PINION_TRY(cpus, effective_in(cgroup_folders(mount, *path), prefix, file));
        if (!cpus || cpus->empty()) continue;
        if (effective) *effective &= *cpus;
        if (!effective) effective = std::move(cpus);
    }
    return effective;
}

}  // namespace pinion::cpu
