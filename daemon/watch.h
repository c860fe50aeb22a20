// SPDX-License-Identifier: Apache-2.0
// Notices saved configuration files: inotify on their folders (an editor that renames over a file is seen too), many
// events in a short time told once.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "event/loop.h"

namespace pinion::daemon {

class Watch {
public:
    using Changed = std::move_only_function<void()>;

    // `path` as for config::load. `changed` is called limits::reload_debounce after the last event of a burst.
    [[nodiscard]] static Result<std::unique_ptr<Watch>> make(event::Loop& loop, std::string path, Changed changed);
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // Watches what is there now; to be called again after each load, since `pools.d` may have come or been replaced.
    // Where the folders are others than before, `changed` is called once more: something may have been saved in them
    // between the load and now.
    // A folder that can't be watched is left out, and its sentence returned.
    [[nodiscard]] std::vector<std::string> arm();
    void disarm();

private:
    Watch(event::Loop& loop, std::string path, Changed changed)
        : loop_(loop), path_(std::move(path)), changed_(std::move(changed)) {}

    event::Loop& loop_;
    std::string path_;
    Changed changed_;
    event::Source timer_;
    std::vector<event::Source> sources_;
    std::vector<std::string> folders_;  // watched by sources_
    bool lost_ = false;                 // one of them was removed or replaced
    bool armed_before_ = false;
};

// Whether an event on `name` in a watched folder concerns the configuration. `only` is the file's name where `path` is
// a file, else empty. Pure.
[[nodiscard]] bool concerns_configuration(std::string_view name, std::string_view only) noexcept;

}  // namespace pinion::daemon
