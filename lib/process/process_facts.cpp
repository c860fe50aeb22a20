// SPDX-License-Identifier: Apache-2.0
#include "process/process_facts.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/text.h"

namespace pinion::process {
namespace {

constexpr std::size_t max_proc_bytes = 8 << 20;

// The numbers among a folder's names: processes in /proc, threads in /proc/PID/task.
std::vector<pid_t> numbers_in(const std::string& folder) {
    std::vector<pid_t> numbers;
    const std::unique_ptr<DIR, decltype([](DIR* dir) { ::closedir(dir); })> dir(::opendir(folder.c_str()));
    if (!dir) return numbers;
    while (const dirent* entry = ::readdir(dir.get()))
        if (const auto number = parse_integer(entry->d_name)) numbers.push_back(static_cast<pid_t>(*number));
    return numbers;
}

std::vector<pid_t> children_by_search(pid_t parent) {
    std::vector<pid_t> children;
    for (const pid_t pid : numbers_in("/proc"))
        if (const auto facts = read_facts(pid); facts && facts->parent == parent) children.push_back(pid);
    return children;
}

}  // namespace

std::optional<ProcessFacts> parse_stat(std::string_view text) {
    const auto open = text.find(" (");
    const auto close = text.rfind(") ");
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
    const auto fields = split(trim(text.substr(close + 2)), ' ');  // from field 3, the state, on
    constexpr std::size_t parent = 1, group = 2, session = 3, threads = 17, start_time = 19, env_end = 48;
    if (fields.size() <= start_time || fields[0].size() != 1) return std::nullopt;
    const auto pid = parse_integer(text.substr(0, open));
    const auto number = [&](std::size_t i) { return parse_integer(fields[i]); };
    if (!pid || !number(parent) || !number(group) || !number(session) || !number(threads) || !number(start_time))
        return std::nullopt;
    const char state = fields[0][0];
    ProcessFacts facts;
    facts.pid = static_cast<pid_t>(*pid);
    facts.parent = static_cast<pid_t>(*number(parent));
    facts.group = static_cast<pid_t>(*number(group));
    facts.session = static_cast<pid_t>(*number(session));
    facts.start_time = static_cast<std::uint64_t>(*number(start_time));
    facts.running = (state != 'Z' && state != 'X') || *number(threads) > 1;
    facts.in_exec = fields.size() > env_end && fields[env_end] == "0";
    return facts;
}

std::optional<ProcessFacts> read_facts(pid_t pid) {
    const auto text = read_file("/proc/" + std::to_string(pid) + "/stat", max_proc_bytes);
    return text ? parse_stat(*text) : std::nullopt;
}

namespace {

void add_pids(std::string_view list, std::vector<pid_t>& pids) {
    for (const std::string_view word : split(list, ' '))
        if (const auto pid = parse_integer(word)) pids.push_back(static_cast<pid_t>(*pid));
}

}  // namespace

std::vector<pid_t> children_of_main_thread() {
    const std::string main_thread = std::to_string(::getpid());
    const auto list = read_file("/proc/self/task/" + main_thread + "/children", max_proc_bytes);
    if (!list) return children_of(::getpid());
    std::vector<pid_t> children;
    add_pids(*list, children);
    return children;
}

std::vector<pid_t> children_of(pid_t pid) {
    const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
    std::vector<pid_t> children;
    for (const pid_t thread : numbers_in(tasks)) {
        const auto list = read_file(tasks + "/" + std::to_string(thread) + "/children", max_proc_bytes);
        if (!list) {
            // A thread that has ended since is no reason to search; a kernel without the file is.
            static const bool lacks_file = !read_file("/proc/thread-self/children", max_proc_bytes).has_value();
            if (lacks_file) return children_by_search(pid);
            continue;
        }
        add_pids(*list, children);
    }
    return children;
}

bool holds_entry(std::string_view environment, std::string_view entry) noexcept {
    for (std::size_t at = 0; at < environment.size();) {
        const std::size_t end = std::min(environment.find('\0', at), environment.size());
        if (environment.substr(at, end - at) == entry) return true;
        at = end + 1;
    }
    return false;
}

}  // namespace pinion::process
