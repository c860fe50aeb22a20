// SPDX-License-Identifier: Apache-2.0
// pinion-exec: what runs in each slot of a job pool of `protocol: exec`. Started by piniond, not by people.
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "daemon/exec_runner/runner.h"

extern char** environ;

namespace {

using namespace pinion;
using namespace pinion::exec_runner;

constexpr int exit_usage = 64;     // EX_USAGE
constexpr int exit_software = 70;  // EX_SOFTWARE

// pinion-exec --json|--raw -- COMMAND [ARGUMENT...]
std::optional<RunnerOptions> parse(int argc, char** argv) {
    RunnerOptions options;
    int at = 1;
    for (; at < argc && std::string_view(argv[at]) != "--"; ++at) {
        const std::string_view word = argv[at];
        if (word != "--json" && word != "--raw") return std::nullopt;
        options.payload = word == "--raw" ? PayloadKind::raw : PayloadKind::json;
    }
    if (at + 1 >= argc) return std::nullopt;
    options.command.assign(argv + at + 1, argv + argc);
    return options;
}

// The socket, out of the way of the standard files, and /dev/null in its place if it was one of them.
Result<UniqueFd> take_socket() {
    const char* name = std::getenv("PINION_FD");
    const auto number = name == nullptr ? std::nullopt : parse_integer(name);
    if (!number || *number < 0 || *number > INT_MAX) return fail("find the daemon's socket: PINION_FD is not set");
    const int given = static_cast<int>(*number);
    UniqueFd socket(::fcntl(given, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!socket) return fail_last("take the daemon's socket, descriptor " + std::to_string(given));
    if (given > STDERR_FILENO) ::close(given);
    // Jobs that read no input inherit our standard input.
    PINION_TRY(null, open_file("/dev/null", O_RDONLY));
    if (::dup2(null.fd(), STDIN_FILENO) < 0) return fail_last("open standard input");
    return socket;
}

}  // namespace

int main(int argc, char** argv) {
    auto options = parse(argc, argv);
    if (!options) {
        std::fputs("usage: pinion-exec --json|--raw -- COMMAND [ARGUMENT...]\n", stderr);
        return exit_usage;
    }
    // What a job leaves behind comes to us, wherever it hides.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    auto socket = take_socket();
    Result<void> done;
    if (socket)
        done = Runner(std::move(*socket), std::move(*options), environ).run();
    else
        done = std::unexpected(std::move(socket).error());
    if (done) return 0;
    std::fprintf(stderr, "pinion-exec: %s\n", done.error().message.c_str());
    return exit_software;
}
