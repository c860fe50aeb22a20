// SPDX-License-Identifier: Apache-2.0
// Which files a configuration is made of, and reading them within their bounds.
#pragma once

#include <deque>
#include <string>

#include "config/config.h"
#include "config/report.h"

namespace pinion::config {

struct Source {
    std::string file;  // as named to people: the path as given, plus the name within a folder
    std::string text;
    bool main = false;  // pinion.yaml, or the only file: may hold more than pools
};

// The sources in the order in which they count. A file that can't be read, is too large or unsafe is reported and left
// out. The deque keeps the names in place: a Place points to them.
[[nodiscard]] std::deque<Source> read_sources(const LoadOptions& options, Report& report);

// A file of at most `max_bytes`. Only regular files: a device or a FIFO would never end.
[[nodiscard]] Result<std::string> read_regular_file(const std::string& path, std::size_t max_bytes, bool refuse_unsafe);

}  // namespace pinion::config
