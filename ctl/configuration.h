// SPDX-License-Identifier: Apache-2.0
// Configurations as the commands without a daemon see them: loaded, and their diagnostics shown.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "ctl/context.h"

namespace pinion::ctl {

// --config, else what the running daemon reads, else where the configuration is by default.
[[nodiscard]] std::string configuration_path(const Context& context);

// What config::load says of `path`, with this process's environment for pass_env. Root's rule about unsafe files holds
// where `in_place`: for the configuration that the daemon itself would read.
[[nodiscard]] config::LoadOptions load_options(const std::string& path, bool in_place);

// A diagnostic a line, as compilers print them: "web.yaml:7:5: error: unknown key 'comand' (did you mean 'command'?)".
// On a terminal the source line follows, with a caret under the column.
[[nodiscard]] std::string diagnostics_text(std::span<const config::Diagnostic> diagnostics,
                                           const TerminalTraits& traits);

// [{"file","line","column","severity","code","message","hint"}]
[[nodiscard]] wire::Json diagnostics_json(std::span<const config::Diagnostic> diagnostics);

}  // namespace pinion::ctl
