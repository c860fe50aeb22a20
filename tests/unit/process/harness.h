// SPDX-License-Identifier: Apache-2.0
// What the tests of this module share: a pool spec in two lines, a child with its output, waits that end.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "process/child.h"
#include "process/child_image.h"
#include "process/spawn.h"

namespace pinion::process::test {

// A pool named `test` that runs `argv`.
PoolSpec spec_of(std::vector<std::string> argv);
// ... that runs `script` with /bin/sh.
PoolSpec script_of(const std::string& script);

// The image of slot 0, generation 1, with its outputs as given.
ImageBuffer image_of(const PoolSpec& spec, int stdout_fd = -1, int stderr_fd = -1, const cpu::Seat& seat = {});

// How to make a child.
enum class Method { clone, vfork, fork, window };
inline auto all_methods() { return testing::Values(Method::clone, Method::vfork, Method::fork, Method::window); }
std::string method_name(const testing::TestParamInfo<Method>& method);
std::expected<Child, SpawnFailure> spawn_with(Method method, const ChildImage& image, int cgroup_fd = -1);

// Whether `fd` became readable within 20 s: a bound for a broken test, never reached by a good one.
bool wait_readable(int fd);
// Waits for the child's end and reaps it.
Death await_death(const Child& child);
// All that is written until the other end closes.
std::string read_to_end(int fd);
// One line without its newline.
std::string read_line(int fd);

struct Outcome {
    std::string output;
    Death death;
};
// Spawns, reads standard output to its end, reaps. Fails the test where the spawn fails.
Outcome run(Method method, const PoolSpec& spec, const cpu::Seat& seat = {});

// The open descriptors of this process with what they are: "5 /dev/null".
std::vector<std::string> open_descriptors();
bool is_root();

// Runs `body` in a forked process, which ends with what it returns; for what would spoil the test's own process
// (limits, ids). Returns the exit code, or -1 where a signal ended it.
template <class Body>
int in_child_process(Body body);
int wait_for(pid_t pid);

}  // namespace pinion::process::test

#include <unistd.h>

template <class Body>
int pinion::process::test::in_child_process(Body body) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(body());
    return wait_for(pid);
}
