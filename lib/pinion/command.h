// SPDX-License-Identifier: Apache-2.0
// A program as a child, by the spawn of lib/process: at a cost that does not depend on our size.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/fd.h"

namespace pinion::inline v0 {

struct CommandSetup {
    const std::vector<std::string>& argv;
    const std::vector<unsigned>& cpus;
    const std::map<std::string, std::string>& env;
    const std::string& cwd;
    bool die_with_parent = true;
};

struct CommandChild {
    pid_t pid = -1;
    UniqueFd pidfd;
};

// Returns once the program runs. Throws std::system_error with the step that failed, std::invalid_argument for a
// command of no words or with a NUL character.
[[nodiscard]] CommandChild start_command(const CommandSetup& setup);

}  // namespace pinion::inline v0
