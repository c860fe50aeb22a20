// SPDX-License-Identifier: Apache-2.0
// `${…}` in `command`, `env` and `cwd`: the names `pool slot cpus numa`, integer arithmetic with `+ - * /` `%` and
// parentheses over numbers and `slot` ("${8000+slot}"), and `$$` for a dollar. A `$` before anything else is an error,
// so that a shell habit is told rather than passed on. `${input}` stands only in the command of a pool that starts a
// process for each job, and is replaced when that process starts, after everything else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pinion {

struct SubstitutionValues {
    std::string pool;
    std::uint32_t slot = 0;
    std::string cpus;  // kernel list format; empty where the worker floats
    std::string numa;  // node list of the seat; empty where unknown
};

enum class InputName : bool { refused, allowed };

// Whether `text` is well-formed, whatever the slot (a division by zero or an overflow that only some slots make is
// found when such a slot is substituted). Parentheses nest at most limits::max_depth deep. The error gives the column
// within `text`, counted from 1, and a hint for `$NAME`.
[[nodiscard]] Result<void> check_substitutions(std::string_view text, InputName input = InputName::refused);

// `text` with everything replaced. Fails only where check_substitutions would, or on division by zero or overflow.
[[nodiscard]] Result<std::string> substitute(std::string_view text, const SubstitutionValues& values);

// The same in two steps: what the first one leaves is a text with substitutions still, of which only `${input}` and
// `$$` are left for the second, so that no input is taken for a substitution.
[[nodiscard]] Result<std::string> substitute_all_but_input(std::string_view text, const SubstitutionValues& values);
[[nodiscard]] Result<std::string> substitute_input(std::string_view text, std::string_view input);

// Whether the text has `${input}` in it.
[[nodiscard]] bool takes_input(std::string_view text);

// Whether the text depends on the seat (`cpus`, `numa`): such a worker is respawned when its seat changes.
[[nodiscard]] bool depends_on_seat(std::string_view text);

}  // namespace pinion
