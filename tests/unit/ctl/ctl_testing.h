// SPDX-License-Identifier: Apache-2.0
// What tests of pinionctl share: a command's run with its streams caught, and golden files.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "ctl/commands.h"
#include "model/cpu_set.h"

namespace pinion::ctl::test {

inline CpuSet cpus(const std::string& list) { return CpuSet::parse(list).value(); }

struct Outcome {
    Exit exit = Exit::done;
    std::string out;
    std::string err;
};

template <class Options>
Outcome caught_run(const Options& options, const GlobalOptions& global, TerminalTraits err_traits = {}) {
    char* out = nullptr;
    char* err = nullptr;
    std::size_t out_size = 0;
    std::size_t err_size = 0;
    Context context{.global = global,
                    .err_traits = err_traits,
                    .out = ::open_memstream(&out, &out_size),
                    .err = ::open_memstream(&err, &err_size)};
    Outcome outcome{.exit = run(options, context)};
    std::fclose(context.out);
    std::fclose(context.err);
    outcome.out.assign(out, out_size);
    outcome.err.assign(err, err_size);
    std::free(out);
    std::free(err);
    return outcome;
}

// The golden text of that name, to compare `text` with; with PINION_UPDATE_GOLDEN in the environment it becomes `text`.
inline std::string golden(const std::string& name, const std::string& text) {
    const std::string path = std::string(PINION_SOURCE_DIR "/tests/unit/ctl/golden/") + name;
    if (std::getenv("PINION_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
    std::ifstream file(path);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
}

}  // namespace pinion::ctl::test
