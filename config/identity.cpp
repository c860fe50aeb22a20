// SPDX-License-Identifier: Apache-2.0
#include "config/identity.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/text.h"

namespace pinion::config {
namespace {

struct User {
    std::string name;
    std::string home = "/";
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    bool known = false;  // to the database
};

constexpr std::size_t max_entry_bytes = 1 << 20;

// A number as user and group ids are; the highest one means "no change" to the kernel.
std::optional<std::uint32_t> parse_id(std::string_view text) {
    const auto value = parse_integer(text);
    if (!value || *value < 0 || *value >= std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
}

// Calls one of the getpw…_r and getgr…_r functions with a buffer that grows until the entry fits.
template <class Entry, class Call>
bool look_up(Entry& entry, std::vector<char>& buffer, Call call) {
    for (buffer.resize(4096); buffer.size() <= max_entry_bytes; buffer.resize(buffer.size() * 2)) {
        Entry* found = nullptr;
        const int code = call(&entry, buffer.data(), buffer.size(), &found);
        if (code != ERANGE) return code == 0 && found != nullptr;
    }
    return false;
}

User to_user(const passwd& entry) {
    return {.name = entry.pw_name, .home = entry.pw_dir, .uid = entry.pw_uid, .gid = entry.pw_gid, .known = true};
}

std::optional<User> find_user(std::string_view text) {
    passwd entry{};
    std::vector<char> buffer;
    const std::string name(text);
    const auto by_name = [&](auto... rest) { return ::getpwnam_r(name.c_str(), rest...); };
    if (look_up(entry, buffer, by_name)) return to_user(entry);
    const auto uid = parse_id(text);
    if (!uid) return std::nullopt;
    const auto by_uid = [&](auto... rest) { return ::getpwuid_r(*uid, rest...); };
    if (look_up(entry, buffer, by_uid)) return to_user(entry);
    return User{.name = name, .uid = *uid, .gid = *uid};
}

std::optional<std::uint32_t> find_group(std::string_view text) {
    group entry{};
    std::vector<char> buffer;
    const std::string name(text);
    const auto by_name = [&](auto... rest) { return ::getgrnam_r(name.c_str(), rest...); };
    if (look_up(entry, buffer, by_name)) return entry.gr_gid;
    return parse_id(text);
}

std::vector<std::uint32_t> groups_of(const User& user, std::uint32_t gid) {
    if (!user.known) return {gid};
    std::vector<gid_t> groups(64);
    for (;;) {
        int count = static_cast<int>(groups.size());
        const int code = ::getgrouplist(user.name.c_str(), gid, groups.data(), &count);
        const bool fits = code >= 0;
        if (!fits && groups.size() >= (1U << 16)) return {gid};  // NGROUPS_MAX: the kernel would take no more
        groups.resize(fits ? static_cast<std::size_t>(count) : groups.size() * 2);
        if (fits) return {groups.begin(), groups.end()};
    }
}

}  // namespace

std::optional<Identity> resolve_identity(const Draft& draft, Report& report) {
    if (!draft.user && !draft.group && draft.supplementary_groups.empty()) return std::nullopt;
    const auto user = find_user(draft.user ? draft.user->value : std::to_string(::geteuid()));
    if (!user) report.error(draft.user->place, "unknown-user", "there is no user " + in_quotes(draft.user->value));
    std::optional<std::uint32_t> gid = user ? user->gid : 0;
    if (draft.group) {
        gid = find_group(draft.group->value);
        if (!gid)
            report.error(draft.group->place, "unknown-group", "there is no group " + in_quotes(draft.group->value));
    }
    bool complete = user && gid;
    std::vector<std::uint32_t> groups = complete ? groups_of(*user, *gid) : std::vector<std::uint32_t>{};
    for (const auto& listed : draft.supplementary_groups) {
        const auto found = find_group(listed.value);
        if (!found) report.error(listed.place, "unknown-group", "there is no group " + in_quotes(listed.value));
        complete = complete && found;
        if (found) groups.push_back(*found);
    }
    if (!complete) return std::nullopt;
    std::ranges::sort(groups);
    groups.erase(std::ranges::unique(groups).begin(), groups.end());
    return Identity{.user = user->name, .home = user->home, .uid = user->uid, .gid = *gid, .groups = std::move(groups)};
}

AllowPolicy resolve_allow(const DraftAllow& allow, Report& report) {
    AllowPolicy policy;
    for (const auto& listed : allow.users) {
        if (const auto user = find_user(listed.value))
            policy.uids.push_back(user->uid);
        else if (listed.place.file != nullptr)
            report.error(listed.place, "unknown-user", "'allow.users': there is no user " + in_quotes(listed.value));
    }
    for (const auto& listed : allow.groups) {
        if (const auto gid = find_group(listed.value))
            policy.gids.push_back(*gid);
        else if (listed.place.file != nullptr)
            report.error(listed.place, "unknown-group", "'allow.groups': there is no group " + in_quotes(listed.value));
    }
    for (auto* ids : {&policy.uids, &policy.gids}) {
        std::ranges::sort(*ids);
        ids->erase(std::ranges::unique(*ids).begin(), ids->end());
    }
    return policy;
}

}  // namespace pinion::config
