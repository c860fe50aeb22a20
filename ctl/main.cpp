// SPDX-License-Identifier: Apache-2.0
// pinionctl: read the command line, look at the terminal, run one command, say how it ended.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "ctl/commands.h"
#include "ctl/help_screen.h"
#include "ctl/interrupt.h"
#include "ctl/options.h"
#include "ctl/paths.h"

int main(int argc, char** argv) {
    using namespace pinion;
    using namespace pinion::ctl;

    exit_on_interrupt();

    auto line = parse_command_line(std::vector<std::string>(argv + 1, argv + argc));
    if (!line) {
        const auto& [exit, text] = line.error();
        std::FILE* stream = exit == Exit::done ? stdout : stderr;
        const auto traits = read_traits(::fileno(stream), read_terminal_environment(ColourChoice::automatic));
        std::fputs(help_screen(text, traits).c_str(), stream);
        return static_cast<int>(exit);
    }

    const Surroundings around = read_surroundings();
    const TerminalEnvironment environment = read_terminal_environment(line->global.colour);
    Context context{.global = line->global,
                    .out_traits = read_traits(STDOUT_FILENO, environment),
                    .err_traits = read_traits(STDERR_FILENO, environment)};
    if (context.global.runtime_dir.empty()) context.global.runtime_dir = default_runtime_dir(around);

    const Exit exit = std::visit([&](const auto& options) { return run(options, context); }, line->command);

    // An answer that did not get through (a full disk) is no answer.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
        std::fprintf(stderr, "pinionctl: write standard output: %s\n", errno_text(errno).c_str());
        return static_cast<int>(exit == Exit::done ? Exit::failed : exit);
    }
    return static_cast<int>(exit);
}
