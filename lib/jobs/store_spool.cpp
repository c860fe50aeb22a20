// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_spool.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/fd.h"
#include "wire/limits.h"

namespace pinion::jobs {

Result<Spool> Spool::open(std::string folder, std::uint64_t nonce) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return fail_last("make folder '" + folder + "'");
    Spool spool;
    spool.folder_ = std::move(folder);
    spool.nonce_ = nonce;
    return spool;
}

Result<std::string> Spool::write(std::string_view data, bool sync, bool& sync_failed) {
    std::string name;
    std::string path;
    const auto attempt = [&]() -> Result<void> {
        UniqueFd file;
        while (!file) {  // a name that is taken belongs to a run with the same nonce
            name = fmt::format("{:016x}-{}", nonce_, next_++);
            path = folder_ + "/" + name;
            auto made = open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
            if (made) file = std::move(*made);
            if (!made && made.error().code != EEXIST) {
                path.clear();
                return std::unexpected(std::move(made).error());
            }
        }
        if (auto written = write_all(file.fd(), data); !written)
            return in_context("write '" + path + "'", std::move(written).error());
        if (!sync) return {};
        PINION_TRY(folder, open_file(folder_, O_RDONLY | O_DIRECTORY));
        if (::fsync(file.fd()) == 0 && ::fsync(folder.fd()) == 0) return {};
        sync_failed = true;
        return fail_last("fsync '" + path + "'");
    };
    auto done = attempt();
    // Somebody took the folder away: what lay there is lost, but not the rest.
    if (!done && done.error().code == ENOENT && path.empty() && remake()) done = attempt();
    if (!done) {
        if (!path.empty()) ::unlink(path.c_str());
        return std::unexpected(std::move(done).error());
    }
    return name;
}

// The folder and its name, whole on the disk.
bool Spool::remake() const {
    if (::mkdir(folder_.c_str(), 0700) != 0) return false;
    const auto parent = open_file(folder_.substr(0, folder_.rfind('/')), O_RDONLY | O_DIRECTORY);
    return parent && ::fsync(parent->fd()) == 0;
}

Result<std::string> Spool::read(std::string_view name) const {
    return read_file(folder_ + "/" + std::string(name), wire::limits::max_answer_bytes);
}

void Spool::remove(std::string_view name) const { ::unlink((folder_ + "/" + std::string(name)).c_str()); }

Result<std::uint64_t> Spool::sweep(const std::function<bool(const std::string&)>& is_known) const {
    std::error_code error;
    std::uint64_t removed = 0;
    for (std::filesystem::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
        const std::string name = at->path().filename();
        if (is_known(name)) continue;
        remove(name);
        ++removed;
    }
    if (error) return fail_errno(error.value(), "read folder '" + folder_ + "'");
    return removed;
}

}  // namespace pinion::jobs
