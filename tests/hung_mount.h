// SPDX-License-Identifier: Apache-2.0
// A file system whose server never answers: whoever looks for a file in it waits, and only SIGKILL ends that.
#pragma once

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <string>

#include "base/fd.h"

namespace pinion::test {

class HungMount {
public:
    // On `folder`, which exists. Needs root and FUSE.
    explicit HungMount(std::string folder)
        : folder_(std::move(folder)), server_(::open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
        if (!server_) return;
        const std::string options = "fd=" + std::to_string(server_.fd()) + ",rootmode=40000,user_id=0,group_id=0";
        mounted_ = ::mount("none", folder_.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) == 0;
    }
    ~HungMount() {
        if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    }
    HungMount(const HungMount&) = delete;
    HungMount& operator=(const HungMount&) = delete;
    // False: this machine can't.
    [[nodiscard]] bool mounted() const noexcept { return mounted_; }
    [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

private:
    std::string folder_;
    UniqueFd server_;
    bool mounted_ = false;
};

}  // namespace pinion::test
