// SPDX-License-Identifier: Apache-2.0
#include "daemon/exec_runner/command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "model/substitution.h"
#include "wire/json.h"

namespace pinion::exec_runner {
namespace {

constexpr std::array<std::string_view, 4> own_variables{"PINION_FD", "PINION_JOB", "PINION_ATTEMPT", "PINION_DEADLINE"};

Result<std::string> text_of(std::string_view input, PayloadKind payload) {
    if (payload == PayloadKind::raw || !trim(input).starts_with('"')) return std::string(input);
    auto value = wire::Json::parse(input);
    if (!value) return in_context("read its input", std::move(value).error());
    return *value->as_string();
}

}  // namespace

Command::Command(std::vector<std::string> argv, PayloadKind payload)
    : argv_(std::move(argv)),
      payload_(payload),
      takes_input_(std::ranges::any_of(argv_, [](const std::string& text) { return pinion::takes_input(text); })) {}

Result<std::vector<std::string>> Command::arguments(std::string_view input) const {
    std::string text;
    if (takes_input_) {
        PINION_TRY(read, text_of(input, payload_));
        if (read.find('\0') != std::string::npos)
            return fail("its input has a NUL character, which no argument can hold");
        text = std::move(read);
    }
    std::vector<std::string> arguments;
    for (const std::string& argument : argv_) {
        PINION_TRY(replaced, substitute_input(argument, text));
        arguments.push_back(std::move(replaced));
    }
    return arguments;
}

std::vector<std::string> inherited_environment(const char* const* base) {
    std::vector<std::string> variables;
    for (; *base != nullptr; ++base) {
        const std::string_view variable = *base;
        if (std::ranges::find(own_variables, variable.substr(0, variable.find('='))) == own_variables.end())
            variables.emplace_back(variable);
    }
    return variables;
}

std::vector<std::string> job_environment(const Job& job) {
    std::vector<std::string> variables{"PINION_JOB=" + std::to_string(job.job),
                                       "PINION_ATTEMPT=" + std::to_string(job.attempt)};
    if (job.deadline) {
        const auto seconds = std::chrono::floor<std::chrono::seconds>(*job.deadline).time_since_epoch().count();
        variables.push_back("PINION_DEADLINE=" + std::to_string(seconds));
    }
    return variables;
}

std::expected<std::string, int> find_program(const std::string& name, std::string_view path) {
    if (name.find('/') != std::string::npos) return name;
    if (name.empty()) return std::unexpected(ENOENT);
    int why = ENOENT;
    for (const std::string_view folder : split(path, ':')) {
        // An empty part is the working folder, as in a shell.
        const std::string file = (folder.empty() ? "." : std::string(folder)) + "/" + name;
        struct stat facts{};
        if (::stat(file.c_str(), &facts) < 0 || !S_ISREG(facts.st_mode)) continue;
        if (::access(file.c_str(), X_OK) == 0) return file;
        why = EACCES;
    }
    return std::unexpected(why);
}

std::string_view search_path(const std::vector<std::string>& environment) {
    const auto found =
        std::ranges::find_if(environment, [](const std::string& variable) { return variable.starts_with("PATH="); });
    return found == environment.end() ? "/bin:/usr/bin" : std::string_view(*found).substr(5);
}

}  // namespace pinion::exec_runner
