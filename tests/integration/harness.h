// SPDX-License-Identifier: Apache-2.0
// Runs the real piniond in a folder of its own and watches it as a user would: by its lines, its exit and pinionctl.
// Every wait is for an event with a generous deadline; nothing sleeps.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace pinion::test {

inline constexpr std::chrono::seconds patience{30};

// A folder that goes with the object.
class ScratchFolder {
public:
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::string operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

void write_text(const std::string& path, const std::string& text);

struct Output {
    int code = -1;  // exit code, or 128 + signal
    std::string out;
    std::string err;
};

// Runs a program to its end and collects what it writes; kills it at the deadline (code 124).
[[nodiscard]] Output run(const std::vector<std::string>& command, const std::string& input = "",
                         const std::vector<std::string>& environment = {});

[[nodiscard]] std::string binary(const std::string& name);

// The test worker as a YAML flow list: test_worker("exit", "3") → ["/…/test_worker", "exit", "3"].
[[nodiscard]] std::string test_worker(const std::vector<std::string>& arguments);

struct DaemonOptions {
    std::vector<std::string> arguments;    // beside --config, --runtime-dir, --state-dir and --log
    std::vector<std::string> environment;  // "NAME=value", added
    std::vector<std::string> prefix;       // a command that starts it, e.g. {"prlimit", "--nofile=64"}
    std::string log = "console";           // --log
    bool wait_ready = true;
    bool read_notifications = true;  // false: a service manager that reads READY=1 and nothing more
};

// One piniond. The configuration is a file `pinion.yaml` in its scratch folder.
class DaemonRun {
public:
    explicit DaemonRun(const std::string& config, DaemonOptions options = {});
    // Stops it if it still runs, and fails the test if it had to be killed.
    ~DaemonRun();
    DaemonRun(const DaemonRun&) = delete;
    DaemonRun& operator=(const DaemonRun&) = delete;

    // Waits until a line of its log that was not consumed before contains `text`; returns that line, or "" at the
    // deadline, with a test failure that shows the log.
    std::string wait_for(const std::string& text, std::chrono::seconds longest = patience);
    // The same for `count` such lines.
    void wait_for_times(const std::string& text, int count);
    // Everything it has written so far.
    [[nodiscard]] const std::string& log();
    // Lines so far that contain `text`.
    [[nodiscard]] int count(const std::string& text);

    // Replaces the configuration by a rename, as editors do.
    void save(const std::string& config);
    Output ctl(std::vector<std::string> arguments);
    // `pinionctl status --json`, parsed by the caller.
    std::string status_json() { return ctl({"status", "--json"}).out; }
    // The pid of a worker now; 0: none.
    pid_t pid_of(const std::string& pool, int slot);

    void signal(int number) const;
    // Waits for its end; its exit code, or 128 + signal.
    int wait_exit();
    // SIGTERM, then wait_exit.
    int stop();

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] std::string runtime_dir() const { return folder_ / "run"; }
    [[nodiscard]] std::string config_path() const { return folder_ / "pinion.yaml"; }
    [[nodiscard]] ScratchFolder& folder() { return folder_; }

private:
    void read_notifications() const;
    bool read_more(std::chrono::steady_clock::time_point deadline);

    ScratchFolder folder_;
    pid_t pid_ = -1;
    UniqueFd pidfd_;
    UniqueFd output_;
    UniqueFd notify_;
    bool reads_notifications_ = true;
    std::string log_;
    std::size_t consumed_ = 0;
    std::optional<int> code_;
};

// The live processes (zombies included) whose environment or command line mentions `mark`: for a census.
[[nodiscard]] std::vector<pid_t> processes_with(const std::string& mark);
// A word that no other process has, for `processes_with`.
[[nodiscard]] std::string unique_mark();
// The number after "pid " in a line of the log; 0 where there is none.
[[nodiscard]] pid_t pid_in(const std::string& line);
[[nodiscard]] std::size_t open_fds(pid_t pid);
// Processes whose parent is `pid`, zombies included.
[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);
// Whether the process is gone: waits for it by pidfd.
[[nodiscard]] bool wait_gone(pid_t pid);

// A cgroup of the test's own below the machine's cgroup2 mount, for --cgroup; `trouble()` says why not where there
// is none. Goes with the object, and fails the test if something is left in it.
class CgroupFolder {
public:
    CgroupFolder();
    ~CgroupFolder();
    CgroupFolder(const CgroupFolder&) = delete;
    CgroupFolder& operator=(const CgroupFolder&) = delete;
    // Nothing, or why this machine can't.
    [[nodiscard]] const std::string& trouble() const { return trouble_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    // The cgroups below, `_daemon` excepted, relative to it.
    [[nodiscard]] std::vector<std::string> folders() const;

private:
    std::string path_;
    std::string trouble_;
};

}  // namespace pinion::test
