// SPDX-License-Identifier: Apache-2.0
// The mount table as text becomes a value that answers two questions: does this path lie on a file system that may
// block for ever, and where is the cgroup2 file system. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pinion::process {

struct Mount {
    std::string root;   // the folder of the file system that is mounted
    std::string point;  // where
    std::string type;   // "ext4", "nfs4", "fuse.sshfs"
    bool operator==(const Mount&) const = default;
};

// The lines of /proc/self/mountinfo, in its order; the escapes \040, \011, \012 and \134 are resolved. A line that is
// not one is left out.
[[nodiscard]] std::vector<Mount> parse_mountinfo(std::string_view text);

// Whether a file system of this type can make a system call wait for another machine or for a program: network file
// systems, FUSE, and the automounter's, whose mount points wait for a mount.
[[nodiscard]] bool type_may_block(std::string_view type) noexcept;

// The mount that `path` (absolute, without "." and "..", no symbolic links) lies on: the longest mount point above it,
// of equal ones the last, which hides the others. Null where the table is empty.
[[nodiscard]] const Mount* find_mount(const std::vector<Mount>& mounts, std::string_view path) noexcept;

}  // namespace pinion::process
