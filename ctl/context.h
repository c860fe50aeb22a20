// SPDX-License-Identifier: Apache-2.0
// What every command is run with: the global options, the two streams, and what is known of them.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "ctl/exit_code.h"
#include "ctl/options.h"
#include "ctl/terminal.h"
#include "wire/json.h"

namespace pinion::ctl {

struct Context {
    GlobalOptions global;  // with runtime_dir and config filled in
    TerminalTraits out_traits;
    TerminalTraits err_traits;
    std::FILE* out = stdout;
    std::FILE* err = stderr;

    [[nodiscard]] bool wants_json() const noexcept { return global.format != Format::text; }
};

// Writes to stdout as it is.
void print(const Context& context, std::string_view text);
// One document: indented for a person at a terminal, on one line elsewhere and with -o jsonl.
void print_document(const Context& context, const wire::Json& document);
// One line of a stream, flushed so that a reader has it at once.
void print_json_line(const Context& context, const wire::Json& document);

// "pinionctl: MESSAGE" on stderr.
void complain(const Context& context, std::string_view message);
// The same for a failure; returns its exit code.
Exit report(const Context& context, const Failure& failure);

}  // namespace pinion::ctl
