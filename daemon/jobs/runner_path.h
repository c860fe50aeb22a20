// SPDX-License-Identifier: Apache-2.0
// Where the program lies that runs the jobs of `protocol: exec`.
#pragma once

#include <string>

namespace pinion::daemon {

// Beside our own program (a build folder), or in ../libexec/pinion (installed). Reads the file system.
[[nodiscard]] std::string find_exec_runner();

}  // namespace pinion::daemon
