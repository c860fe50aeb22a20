// SPDX-License-Identifier: Apache-2.0
#include "process/may_block.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "base/fd.h"
#include "base/text.h"
#include "process/spawn.h"

namespace pinion::process {
namespace {

constexpr int max_links = 40;  // the kernel's own bound

std::optional<std::string> read_link(const std::string& path) {
    std::array<char, 4096> target{};
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    if (length <= 0) return std::nullopt;
    return std::string(target.data(), static_cast<std::size_t>(length));
}

// The names of a path, last first, so that the next one to walk is at the back.
void push_names(std::vector<std::string>& names, const std::string& path) {
    const auto parts = split(path, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part)
        if (!part->empty() && *part != ".") names.emplace_back(*part);
}

bool blocks_at(const std::vector<Mount>& mounts, const std::string& path) {
    const Mount* mount = find_mount(mounts, path.empty() ? "/" : path);
    return mount != nullptr && type_may_block(mount->type);
}

// The mount table, read again only when the kernel says that it changed.
class MountTable {
public:
    [[nodiscard]] const std::vector<Mount>& current() {
        if (!changes_ || changed()) read();
        return mounts_;
    }
    [[nodiscard]] bool any_may_block() {
        return std::ranges::any_of(current(), [](const Mount& mount) { return type_may_block(mount.type); });
    }

private:
    [[nodiscard]] bool changed() const {
        pollfd poll{changes_.fd(), POLLPRI, 0};
        return ::poll(&poll, 1, 0) > 0;
    }
    void read() {
        // Opened before the read: a change in between is told by the next poll.
        if (!changes_) changes_ = UniqueFd(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
        constexpr std::size_t max_bytes = 64 << 20;
        const auto text = read_file("/proc/self/mountinfo", max_bytes);
        mounts_ = text ? parse_mountinfo(*text) : std::vector<Mount>{};
    }

    UniqueFd changes_;
    std::vector<Mount> mounts_;
};

template <class Question>
bool ask_mounts(Question question) {
    static std::mutex mutex;
    static MountTable table;
    const std::lock_guard lock(mutex);
    // The usual machine: nothing to walk.
    return table.any_may_block() && question(table.current());
}

}  // namespace

bool leads_to_blocking(const std::vector<Mount>& mounts, const std::string& path, const LinkReader& reader) {
    std::vector<std::string> names;
    push_names(names, path);
    std::string walked;  // without links, and known not to block
    int links = 0;
    if (blocks_at(mounts, walked)) return true;
    while (!names.empty()) {
        const std::string name = std::move(names.back());
        names.pop_back();
        if (name == "..") {
            walked.resize(walked.empty() ? 0 : walked.rfind('/'));
            continue;
        }
        const std::string next = walked + "/" + name;
        if (blocks_at(mounts, next)) return true;
        const auto target = reader(next);
        if (!target) {
            walked = next;
            continue;
        }
        if (++links > max_links) return true;
        push_names(names, *target);
        if (target->starts_with('/')) walked.clear();
    }
    return false;
}

bool may_block(const std::string& path) {
    return ask_mounts([&](const auto& mounts) { return leads_to_blocking(mounts, path, read_link); });
}

bool may_block(const ChildImage& image) {
    return ask_mounts([&](const auto& mounts) {
        if (image.cwd != nullptr && leads_to_blocking(mounts, image.cwd, read_link)) return true;
        for (const char* const* candidate = image.candidates; *candidate != nullptr; ++candidate) {
            const bool relative = **candidate != '/' && image.cwd != nullptr;
            const std::string path = relative ? std::string(image.cwd) + "/" + *candidate : std::string(*candidate);
            if (leads_to_blocking(mounts, path, read_link)) return true;
        }
        return false;
    });
}

}  // namespace pinion::process
