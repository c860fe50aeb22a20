// SPDX-License-Identifier: Apache-2.0
#include "wire/finished.h"

#include <charconv>

namespace pinion::wire {
namespace {

void append_number(std::string& out, std::uint64_t number) {
    char digits[20];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

void append_finished(std::string& out, const FinishedHead& job) {
    out += '{';
    if (job.index) {
        out += R"("index":)";
        append_number(out, *job.index);
        out += ',';
    }
    out += R"("id":)";
    append_number(out, job.id);
    out += R"(,"state":")";
    out += job.state;
    out += R"(","attempts":)";
    append_number(out, job.attempts);
    if (!job.error.empty()) {
        out += R"(,"error":)";
        out += job.error;
    }
    out += '}';
}

std::optional<FinishedHead> read_finished(std::string_view text) {
    FinishedHead job;
    bool sound = true;
    const auto number = [&sound](std::string_view value) {
        const auto read = parse_id(value);
        sound = sound && read;
        return read.value_or(0);
    };
    const bool whole = visit_members(text, [&](std::string_view name, std::string_view value) {
        if (name == "index")
            job.index = number(value);
        else if (name == "id")
            job.id = number(value);
        else if (name == "attempts")
            job.attempts = static_cast<std::uint32_t>(number(value));
        else if (name == "state" && value.size() > 2 && value.front() == '"')
            job.state = value.substr(1, value.size() - 2);
        else if (name == "error")
            job.error = value;
        return sound;
    });
    if (!whole || job.id == 0 || job.state.empty()) return std::nullopt;
    return job;
}

}  // namespace pinion::wire
