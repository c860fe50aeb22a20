// SPDX-License-Identifier: Apache-2.0
// A command written as one string, split as a unit file's ExecStart is: quotes and backslash escapes, never a shell.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pinion::config {

struct CommandLine {
    std::vector<std::string> words;
    // The first word without quotes that only a shell would understand: "|", ">", "&&", "$(date)". Empty: none.
    std::string shell_word;
};

// Words are separated by blanks. '…' and "…" keep blanks; within both and outside, a backslash escapes: \a \b \f \n \r
// \t
// \v \\ \" \' \s (blank), \xHH, \NNN (octal), \uXXXX, \UXXXXXXXX. The error says what is wrong: a quote that does not
// end, an escape that is none, a NUL.
[[nodiscard]] Result<CommandLine> split_command(std::string_view text);

}  // namespace pinion::config
