// SPDX-License-Identifier: Apache-2.0
// The files that `log: file:PATH` names: opened when first written to, held open, and never waited for.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace pinion::log {

class LogFiles {
public:
    // Appends `line` and a newline to the file at `path`, which is made (mode 0640) if missing. On an error the line is
    // lost; a torn line is ended before the next one, so that no two run together. A pipe nobody reads is an error.
    [[nodiscard]] Result<void> append(const std::string& path, std::string_view line);
    // The next line to each opens it anew.
    void close_all() { files_.clear(); }
    [[nodiscard]] std::size_t open_count() const noexcept { return files_.size(); }

private:
    struct File {
        UniqueFd fd;
        bool torn = false;  // ends in a part of a line
    };
    std::map<std::string, File> files_;
};

}  // namespace pinion::log
