// SPDX-License-Identifier: Apache-2.0
// Ctrl-C. The tool holds nothing that must be put away but the look of the terminal, so the handler gives that back and
// ends the process on the spot: no wait has to be interruptible, and no race is left.
#pragma once

namespace pinion::ctl {

// From here SIGINT ends the process with exit code 130, SIGTERM and SIGHUP with 128 + their number. A changed window
// size interrupts waits.
void exit_on_interrupt();

// What the handlers write first: `to_stdout` gives the terminal back, `to_stderr` says a last word. Texts that live for
// ever, or null for nothing.
void set_last_words(const char* to_stdout, const char* to_stderr) noexcept;

}  // namespace pinion::ctl
