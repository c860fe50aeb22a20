// SPDX-License-Identifier: Apache-2.0
#include "daemon/watch.h"

#include <sys/inotify.h>

#include <filesystem>

#include "model/limits.h"

namespace pinion::daemon {
namespace {

constexpr std::uint32_t saved =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

// The watch itself is over, or is on what has another name now.
constexpr std::uint32_t gone = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT;

}  // namespace

bool concerns_configuration(std::string_view name, std::string_view only) noexcept {
    if (name.empty()) return true;  // the folder itself
    if (!only.empty()) return name == only || name.starts_with("..");
    // "..data" is how mounted config maps are swapped.
    return name == "pools.d" || name.ends_with(".yaml") || name.starts_with("..");
}

Result<std::unique_ptr<Watch>> Watch::make(event::Loop& loop, std::string path, Changed changed) {
    std::unique_ptr<Watch> watch(new Watch(loop, std::move(path), std::move(changed)));
    PINION_TRY(timer, loop.add_timer(event::Priority::commands, [watch = watch.get()] { watch->changed_(); }));
    watch->timer_ = std::move(timer);
    return watch;
}

std::vector<std::string> Watch::arm() {
    std::error_code ignored;
    const std::filesystem::path path(path_);
    std::vector<std::string> folders;
    std::string only;
    if (std::filesystem::is_directory(path, ignored)) {
        folders.push_back(path_);
        if (std::filesystem::is_directory(path / "pools.d", ignored)) folders.push_back(path / "pools.d");
    } else {
        folders.push_back(path.has_parent_path() ? path.parent_path().string() : ".");
        only = path.filename();
    }
    // Watches that still hold are kept: what was saved meanwhile waits in them.
    if (!lost_ && folders == folders_) return {};
    if (armed_before_) timer_.arm(loop_.now() + limits::reload_debounce);
    armed_before_ = true;
    lost_ = false;
    sources_.clear();
    folders_.clear();
    std::vector<std::string> failures;
    for (const auto& folder : folders) {
        auto source = loop_.add_inotify(folder, saved, event::Priority::commands,
                                        [this, only](std::uint32_t mask, std::string_view name) {
                                            if ((mask & gone) != 0) lost_ = true;
                                            if (concerns_configuration(name, only))
                                                timer_.arm(loop_.now() + limits::reload_debounce);
                                        });
        if (!source) {
            failures.push_back(source.error().message);
            continue;
        }
        sources_.push_back(std::move(*source));
        folders_.push_back(folder);
    }
    return failures;
}

void Watch::disarm() {
    sources_.clear();
    folders_.clear();
    timer_.arm(no_deadline);
}

}  // namespace pinion::daemon
