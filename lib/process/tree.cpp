// SPDX-License-Identifier: Apache-2.0
// A worker's tree without a cgroup: found from above. All of it descends from us, since its orphans come to us: it is
// what hangs below the leader, and below each adopted child of ours that the leader's session, its process group or the
// tag in the environment gives to this worker. An orphan that left the session *and* dropped its environment is
// nobody's.
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/fd.h"
#include "base/time.h"
#include "process/child.h"
#include "process/process_facts.h"
#include "process/raw_syscall.h"
#include "process/tree_members.h"

namespace pinion::process {
namespace {

constexpr std::size_t max_environment_bytes = 8 << 20;
constexpr Duration exec_patience = std::chrono::milliseconds(2);
constexpr int max_passes = 100;  // over a tree that forks faster than it is found; the caller looks again

// For an instant of exec the environment reads as empty; waits that out, within a bound.
Result<std::string> read_environment(pid_t pid) {
    const MonotonicTime patience = add_saturating(MonotonicClock::now(), exec_patience);
    for (;;) {
        auto environment = read_file("/proc/" + std::to_string(pid) + "/environ", max_environment_bytes);
        if (!environment || !environment->empty() || MonotonicClock::now() > patience) return environment;
        const auto facts = read_facts(pid);
        if (!facts || !facts->running) return environment;
        if (!facts->in_exec) return read_file("/proc/" + std::to_string(pid) + "/environ", max_environment_bytes);
        ::sched_yield();
    }
}

bool holds_tag(std::string_view environment, const TreeTag& tag) {
    return holds_entry(environment, "PINION_POOL=" + tag.pool) &&
           holds_entry(environment, "PINION_SLOT=" + std::to_string(tag.slot)) &&
           holds_entry(environment, "PINION_GENERATION=" + std::to_string(tag.generation));
}

// A session's number is not given to a new process while a member lives, so an equal number is the same session.
bool is_led_by(const ProcessFacts& child, const TreeTag& tag) {
    const bool has_leader = tag.leader > 1;  // 0 is a session outside our pid namespace
    return has_leader && (child.session == tag.leader || child.group == tag.leader);
}

bool is_of_tree(const ProcessFacts& child, const TreeTag& tag) {
    if (is_led_by(child, tag)) return true;
    const auto environment = read_environment(child.pid);
    return environment && holds_tag(*environment, tag);
}

// Those of `children`, ours, that are not the main process of another worker.
std::vector<pid_t> unknown_of(std::vector<pid_t> children, const std::vector<pid_t>& known) {
    std::vector<pid_t> sorted = known;
    std::ranges::sort(sorted);
    std::erase_if(children, [&](pid_t pid) { return std::ranges::binary_search(sorted, pid); });
    return children;
}

std::vector<pid_t> without_leader(const std::vector<pid_t>& known, const TreeTag& tag) {
    std::vector<pid_t> others = known;
    std::erase(others, tag.leader);
    return others;
}

// Sends by a pidfd, once the pid behind it is seen to be still the process of `facts`.
bool send_to(const ProcessFacts& facts, int signal) {
    const long opened = raw_syscall(SYS_pidfd_open, facts.pid, 0);
    if (opened < 0) return false;
    const UniqueFd pidfd(static_cast<int>(opened));
    const auto now = read_facts(facts.pid);
    if (!now || now->start_time != facts.start_time || !now->running) return false;
    return raw_syscall(SYS_pidfd_send_signal, pidfd.fd(), signal, nullptr, 0) == 0;
}

// Stops what it finds: a stopped process forks no more (one in the middle of it starts over), so the list of its
// children, read afterwards, is whole.
class Catcher {
public:
    Catcher(const TreeTag& tag, std::vector<pid_t> others) : tag_(tag), others_(std::move(others)) {}

    // One walk. Whether it found somebody new.
    bool pass() {
        const std::size_t before = caught_.size();
        for (const pid_t pid : unknown_of(children_of(::getpid()), others_)) {
            const auto facts = read_facts(pid);
            if (!facts || !facts->running || facts->parent != ::getpid()) continue;
            if (is_of_tree(*facts, tag_)) descend(*facts);
        }
        return caught_.size() > before;
    }

    std::size_t kill_all() const {
        std::size_t killed = 0;
        for (const ProcessFacts& facts : caught_) killed += send_to(facts, SIGKILL) ? 1 : 0;
        // While one that we hold is a member, the group's number can be no stranger's.
        const bool group_is_ours = std::ranges::any_of(caught_, [&](const ProcessFacts& facts) {
            const auto now = read_facts(facts.pid);
            return now && now->start_time == facts.start_time && now->group == tag_.leader;
        });
        if (group_is_ours) ::kill(-tag_.leader, SIGKILL);
        return killed;
    }

private:
    void descend(const ProcessFacts& root) {
        std::vector<ProcessFacts> open{root};
        while (!open.empty()) {
            const ProcessFacts facts = open.back();
            open.pop_back();
            if (facts.running && !is_caught(facts)) {
                if (send_to(facts, SIGSTOP)) caught_.push_back(facts);
            }
            for (const pid_t pid : children_of(facts.pid)) {
                const auto child = read_facts(pid);
                if (child && child->parent == facts.pid) open.push_back(*child);
            }
        }
    }
    bool is_caught(const ProcessFacts& facts) const {
        return std::ranges::any_of(caught_, [&](const ProcessFacts& other) {
            return other.pid == facts.pid && other.start_time == facts.start_time;
        });
    }

    const TreeTag& tag_;
    std::vector<pid_t> others_;
    std::vector<ProcessFacts> caught_;
};

}  // namespace

std::size_t kill_tree(const TreeTag& tag, const std::vector<pid_t>& known) {
    Catcher catcher(tag, without_leader(known, tag));
    for (int i = 0; i < max_passes && catcher.pass(); ++i) {
    }
    return catcher.kill_all();
}

bool tree_alive(const TreeTag& tag, const std::vector<pid_t>& known) {
    for (const pid_t pid : unknown_of(children_of_main_thread(), without_leader(known, tag))) {
        const auto facts = read_facts(pid);
        if (!facts || facts->parent != ::getpid()) continue;
        // Nothing lives below a zombie: its children are ours by now.
        if (facts->running && is_of_tree(*facts, tag)) return true;
    }
    return false;
}

TreeMembers::TreeMembers(const std::vector<pid_t>& known) {
    for (const pid_t pid : unknown_of(children_of_main_thread(), known)) {
        const auto facts = read_facts(pid);
        if (!facts || facts->parent != ::getpid() || !facts->running) continue;
        orphans_.push_back({*facts, read_environment(pid).value_or("")});
    }
}

std::vector<pid_t> TreeMembers::of(const TreeTag& tag) const {
    std::vector<pid_t> members;
    if (tag.leader > 1) members.push_back(tag.leader);
    for (const Orphan& orphan : orphans_)
        if (is_led_by(orphan.facts, tag) || holds_tag(orphan.environment, tag)) members.push_back(orphan.facts.pid);
    // Grows while it is walked: each one's children come after it.
    for (std::size_t at = 0; at < members.size() && members.size() < most_members; ++at) {
        const pid_t parent = members[at];
        for (const pid_t pid : children_of(parent)) {
            const auto facts = read_facts(pid);
            if (facts && facts->parent == parent && facts->running) members.push_back(pid);
        }
    }
    return members;
}

std::vector<pid_t> reap_strays(const std::vector<pid_t>& known) {
    std::vector<pid_t> reaped;
    for (const pid_t pid : unknown_of(children_of_main_thread(), known)) {
        siginfo_t info{};
        if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG) == 0 && info.si_pid == pid)
            reaped.push_back(pid);
    }
    return reaped;
}

bool end_children(MonotonicTime deadline) {
    for (;;) {
        const std::vector<pid_t> children = children_of(::getpid());
        if (children.empty()) return true;
        // A child that is not reaped keeps its pid, so no stranger is hit. Children of the killed come to us.
        for (const pid_t pid : children) ::kill(pid, SIGKILL);
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - MonotonicClock::now());
        if (left.count() <= 0) return false;
        const UniqueFd pidfd(static_cast<int>(raw_syscall(SYS_pidfd_open, children.front(), 0)));
        pollfd end{.fd = pidfd.fd(), .events = POLLIN, .revents = 0};
        ::poll(&end, pidfd ? 1 : 0, pidfd ? static_cast<int>(left.count()) : 1);
        reap_strays({});
    }
}

}  // namespace pinion::process
