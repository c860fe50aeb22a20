// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/runner_path.h"

#include <unistd.h>

#include <filesystem>

namespace pinion::daemon {

std::string find_exec_runner() {
    std::error_code ignored;
    const auto folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    const auto beside = folder / "pinion-exec";
    if (::access(beside.c_str(), X_OK) == 0) return beside;
    return (folder / "../libexec/pinion/pinion-exec").lexically_normal();
}

}  // namespace pinion::daemon
