// SPDX-License-Identifier: Apache-2.0
#include "config/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/fd.h"
#include "base/result.h"
#include "model/limits.h"

namespace pinion::config {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view main_name = "pinion.yaml";
constexpr std::string_view pools_folder = "pools.d";
// One pool a file is the most that makes sense.
constexpr std::size_t max_files = limits::max_pools;

struct Listing {
    std::vector<std::string> files;    // to be read
    std::vector<std::string> ignored;  // look like configuration but are not read
    std::string failure;               // why a folder could not be listed; empty: it could
};

bool is_hidden_or_backup(std::string_view name) {
    return name.starts_with('.') || name.starts_with('#') || name.ends_with('~');
}

void list_pools(const fs::path& folder, Listing& listing) {
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    if (error == std::errc::no_such_file_or_directory) return;
    std::vector<std::string> found;
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
        const std::string name = entries->path().filename().string();
        if (is_hidden_or_backup(name)) continue;
        if (name.ends_with(".yaml")) found.push_back(entries->path().string());
        if (name.ends_with(".yml")) listing.ignored.push_back(entries->path().string());
        if (found.size() > max_files) {
            listing.failure = "read '" + folder.string() + "': more than " + std::to_string(max_files) + " files";
            return;
        }
    }
    if (error) listing.failure = "read '" + folder.string() + "': " + errno_text(error.value());
    std::ranges::sort(found);
    listing.files.insert(listing.files.end(), found.begin(), found.end());
}

std::string normal(const std::string& path) {
    std::error_code error;
    const auto absolute = fs::absolute(path, error);
    return (error ? fs::path(path) : absolute).lexically_normal().string();
}

Listing list(const std::string& path) {
    Listing listing;
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) {
        const int code = error ? error.value() : ENOENT;
        listing.failure = "read configuration '" + path + "': " + errno_text(code);
        return listing;
    }
    if (!fs::is_directory(status)) {
        listing.files.push_back(path);
        return listing;
    }
    const fs::path main = fs::path(path) / main_name;
    // What is there but unreadable is an error of reading, not a missing file.
    if (fs::symlink_status(main, error).type() != fs::file_type::not_found) listing.files.push_back(main.string());
    if (fs::exists(fs::path(path) / "pinion.yml", error))
        listing.ignored.push_back((fs::path(path) / "pinion.yml").string());
    list_pools(fs::path(path) / pools_folder, listing);
    return listing;
}

// Adds the file that `--as` names where the folder does not have it yet. False where it could never be part of it.
bool add_replaced(const LoadOptions& options, Listing& listing) {
    const std::string wanted = normal(options.replaced);
    for (const auto& file : listing.files)
        if (normal(file) == wanted) return true;
    const fs::path folder = normal(options.path + "/");
    const fs::path path = wanted;
    const std::string name = path.filename().string();
    if (wanted == (folder / main_name).string()) {
        listing.files.insert(listing.files.begin(), options.replaced);
        return true;
    }
    if (path.parent_path() != folder / pools_folder || !name.ends_with(".yaml") || is_hidden_or_backup(name))
        return false;
    const bool has_main = !listing.files.empty() && fs::path(listing.files.front()).filename() == main_name &&
                          fs::path(normal(listing.files.front())).parent_path() == normal(options.path);
    const auto after_main = listing.files.begin() + (has_main ? 1 : 0);
    const auto at =
        std::find_if(after_main, listing.files.end(), [&](const auto& file) { return normal(file) > wanted; });
    listing.files.insert(at, options.replaced);
    return true;
}

std::string too_large(std::size_t max_bytes) {
    return "it is larger than the " + std::to_string(max_bytes / 1024) + " KiB that are read";
}

Result<void> check_file(int fd, std::size_t max_bytes, bool refuse_unsafe) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return fail_last("look at it");
    if (!S_ISREG(status.st_mode)) return fail("it is not a regular file");
    if (refuse_unsafe && status.st_uid != 0)
        return Result<void>(std::unexpected(Error{EPERM, "it is not owned by root, so root does not trust it"}));
    if (refuse_unsafe && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return Result<void>(std::unexpected(Error{EPERM, "others than root can write it, so root does not trust it"}));
    if (status.st_size > static_cast<off_t>(max_bytes)) return std::unexpected(Error{EFBIG, too_large(max_bytes)});
    return {};
}

void report_unreadable(const std::string& file, const Error& error, Report& report) {
    const Place whole{.file = &file};
    if (error.code == EPERM)
        return report.error(whole, "unsafe-file", error.message, "chown root " + file + " && chmod go-w " + file);
    report.error(whole, error.code == EFBIG ? "too-large" : "unreadable", error.message);
}

// Takes the warnings and the failure of a listing over. The names must stay in place, so they become sources that have
// no text and are dropped by the caller.
void report_listing(const Listing& listing, const std::string& path, std::deque<Source>& names, Report& report) {
    if (!listing.failure.empty()) {
        names.push_back({.file = path, .text = {}});
        report.error({.file = &names.back().file}, "unreadable", listing.failure);
    }
    for (const auto& file : listing.ignored) {
        names.push_back({.file = file, .text = {}});
        report.warning({.file = &names.back().file}, "not-read", "the file is not read, since its name ends in '.yml'",
                       "rename it to end in '.yaml'");
    }
}

}  // namespace

Result<std::string> read_regular_file(const std::string& path, std::size_t max_bytes, bool refuse_unsafe) {
    // Without O_NONBLOCK opening a FIFO would wait for its writer.
    PINION_TRY(file, open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    PINION_CHECK(check_file(file.fd(), max_bytes, refuse_unsafe));
    std::string text;
    for (;;) {
        const std::size_t size = text.size();
        text.resize(std::min(size + 64 * 1024, max_bytes + 1));
        const ssize_t got = ::read(file.fd(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) {
            text.resize(size);
            continue;
        }
        if (got < 0) return fail_last("read '" + path + "'");
        text.resize(size + static_cast<std::size_t>(got));
        if (text.size() > max_bytes) return std::unexpected(Error{EFBIG, too_large(max_bytes)});
        if (got == 0) return text;
    }
}

std::deque<Source> read_sources(const LoadOptions& options, Report& report) {
    // Names of files that are only spoken of live as long as the report's places are used, which is here.
    std::deque<Source> spoken_of;
    std::deque<Source> sources;
    Listing listing = list(options.path);
    const std::string replaced = options.replaced.empty() ? std::string() : normal(options.replaced);
    if (!replaced.empty() && !add_replaced(options, listing)) {
        report.error({.file = &options.replaced}, "unreadable",
                     in_quotes(options.replaced) + " is not a file of the configuration " + in_quotes(options.path),
                     "name pinion.yaml, or a .yaml file of pools.d");
    }
    report_listing(listing, options.path, spoken_of, report);
    std::error_code error;
    const bool folder = fs::is_directory(options.path, error);
    std::size_t total = 0;
    for (const auto& file : listing.files) {
        const bool stands_in = !replaced.empty() && normal(file) == replaced;
        const auto& path = stands_in ? options.replacement : file;
        const bool main = !folder || normal(file) == normal(options.path + "/" + std::string(main_name));
        auto text = read_regular_file(path, limits::max_file_bytes, options.refuse_unsafe_files && !stands_in);
        if (!text) {
            report_unreadable(file, text.error(), report);
            continue;
        }
        total += text->size();
        if (total > limits::max_config_bytes) {
            report.error({.file = &file}, "too-large",
                         "with this file the configuration is larger than the " +
                             std::to_string(limits::max_config_bytes / 1024) + " KiB that are read in all");
            break;
        }
        sources.push_back({.file = file, .text = std::move(*text), .main = main});
    }
    return sources;
}

std::vector<std::string> list_files(const std::string& path) { return list(path).files; }

}  // namespace pinion::config
