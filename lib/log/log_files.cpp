// SPDX-License-Identifier: Apache-2.0
#include "log/log_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "model/limits.h"

namespace pinion::log {

Result<void> LogFiles::append(const std::string& path, std::string_view line) {
    auto found = files_.find(path);
    if (found == files_.end()) {
        // Non-blocking matters to pipes only: neither opening nor writing one may wait for a reader.
        PINION_TRY(fd, open_file(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK, 0640));
        if (files_.size() >= limits::log_open_files) files_.clear();
        found = files_.emplace(path, File{std::move(fd)}).first;
    }
    File& file = found->second;
    std::string data;
    data.reserve(line.size() + 2);
    if (file.torn) data += '\n';
    data.append(line).append(1, '\n');
    for (std::string_view rest = data; !rest.empty();) {
        const ssize_t n = ::write(file.fd.fd(), rest.data(), rest.size());
        if (n >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(n));
            file.torn = !rest.empty();
        } else if (errno != EINTR) {
            return fail_last("write to '" + path + "'");
        }
    }
    return {};
}

}  // namespace pinion::log
