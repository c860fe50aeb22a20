// SPDX-License-Identifier: Apache-2.0
#include "process/mounts.h"

#include <algorithm>

#include "base/text.h"

namespace pinion::process {
namespace {

bool is_octal(char c) noexcept { return c >= '0' && c <= '7'; }

// The kernel writes a blank, a tab, a newline, a backslash and a '#' as \ and three octal digits.
std::string unescape(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 3 >= text.size() || !std::ranges::all_of(text.substr(i + 1, 3), is_octal)) {
            result += text[i];
            continue;
        }
        result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
        i += 3;
    }
    return result;
}

bool lies_below(std::string_view path, std::string_view folder) noexcept {
    if (folder == "/") return path.starts_with('/');
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

// "36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda1 rw": any number of optional fields before the dash.
std::vector<Mount> parse_mountinfo(std::string_view text) {
    std::vector<Mount> mounts;
    for (const std::string_view line : split(text, '\n')) {
        const auto fields = split(line, ' ');
        if (fields.size() < 9) continue;
        const auto dash = std::ranges::find(fields.begin() + 6, fields.end(), std::string_view("-"));
        if (dash == fields.end() || dash + 1 == fields.end()) continue;
        mounts.push_back({unescape(fields[3]), unescape(fields[4]), unescape(*(dash + 1))});
    }
    return mounts;
}

bool type_may_block(std::string_view type) noexcept {
    static constexpr std::string_view types[] = {"nfs",    "nfs4",   "cifs",  "smb3",   "smbfs",    "9p",
                                                 "ceph",   "afs",    "coda",  "fuse",   "fuseblk",  "virtiofs",
                                                 "autofs", "lustre", "gpfs",  "beegfs", "orangefs", "pvfs2",
                                                 "gfs2",   "ocfs2",  "ncpfs", "vboxsf", "glusterfs"};
    return type.starts_with("fuse.") || std::ranges::find(types, type) != std::end(types);
}

const Mount* find_mount(const std::vector<Mount>& mounts, std::string_view path) noexcept {
    const Mount* best = nullptr;
    for (const Mount& mount : mounts)
        if (lies_below(path, mount.point) && (best == nullptr || mount.point.size() >= best->point.size()))
            best = &mount;
    return best;
}

}  // namespace pinion::process
