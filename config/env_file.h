// SPDX-License-Identifier: Apache-2.0
// Files of KEY=VALUE lines, as systemd's EnvironmentFile= reads them: '#' and ';' begin comments, a value may stand in
// quotes, a backslash at the end of a line goes on with the next one. Nothing is expanded.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/report.h"

namespace pinion::config {

struct EnvValue {
    std::string value;
    Place place;
};
using EnvValues = std::map<std::string, EnvValue>;

// The variables of a file's text; a name that stands twice has its last value. What can't be read is reported at its
// line, and the rest is read all the same.
[[nodiscard]] EnvValues parse_env_file(std::string_view text, const std::string& file, Report& report);

// Whether a variable can have this name: not empty, printable, without '=' and blanks, at most 255 bytes.
[[nodiscard]] bool is_env_name(std::string_view name) noexcept;

}  // namespace pinion::config
