// SPDX-License-Identifier: Apache-2.0
// Any bytes from a worker's standard output, in pieces: never more is held than a line may be, each line is read the
// same however it came, and a result's text is JSON.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "wire/json_scan.h"
#include "wire/lines.h"

namespace {

constexpr std::size_t max_line = 4096;

std::vector<std::string> lines_of(std::string_view bytes, std::size_t piece) {
    pinion::wire::LineReader reader(max_line);
    std::vector<std::string> lines;
    const auto keep = [&](std::string_view line, bool whole) {
        lines.push_back(std::string(line) + (whole ? "+" : "-"));
    };
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        reader.feed(bytes.substr(at, piece), keep);
        if (reader.held_bytes() > max_line) std::abort();
    }
    reader.finish(keep);
    return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto lines = lines_of(bytes, bytes.size() + 1);
    if (lines != lines_of(bytes, 1 + data[0] % 17)) std::abort();
    for (const std::string& line : lines) {
        const auto answer = pinion::wire::parse_worker_line(std::string_view(line).substr(0, line.size() - 1));
        if (const auto* result = std::get_if<pinion::wire::LineResult>(&answer)) {
            if (!pinion::wire::is_json(result->value)) std::abort();
            std::string out;
            pinion::wire::append_job_line(out, {.id = result->id, .input = result->value});
            if (out.find('\n') != out.size() - 1) std::abort();
            if (!pinion::wire::is_json(std::string_view(out).substr(0, out.size() - 1))) std::abort();
        }
    }
    return 0;
}
