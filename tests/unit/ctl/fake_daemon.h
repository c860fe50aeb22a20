// SPDX-License-Identifier: Apache-2.0
// A daemon that only talks: the Manager's methods on a real socket in a folder of its own, answered from values. What
// an order changes is said by the test, as steps that follow one another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pinion::ctl::test {

struct FakePool {
    std::string name;
    std::string state = "running";
    std::uint32_t wanted = 1;
    std::uint32_t up = 1;
    std::string note;
    bool stopped_by_operator = false;
};
struct FakeWorker {
    std::string pool;
    std::uint32_t slot = 0;
    std::string state = "running";
    std::uint32_t pid = 100;
    std::uint64_t generation = 1;
    std::string note;
};
struct FakeLine {
    std::uint64_t at = 0;
    std::uint32_t slot = 0;
    std::uint32_t priority = 6;
    std::string text;
};
struct FakeEvent {
    std::string event;
    std::uint64_t at = 0;
    std::string pool;
    std::string message;
};

// Everything the daemon would answer now.
struct FakeWorld {
    std::vector<FakePool> pools;
    std::vector<FakeWorker> workers;
    std::vector<FakeLine> lines;
    std::vector<FakeEvent> history;
    std::string config = "/etc/pinion";
    std::string cpus_allowed = {};  // both told where this is not empty
    std::string cpus_reserved = {};
    bool changed = true;
    std::vector<std::string> reload_messages;
    std::string error_name;  // where set, every order fails with it
    std::string error_text;
};

class FakeDaemon {
public:
    explicit FakeDaemon(FakeWorld world);
    ~FakeDaemon();
    FakeDaemon(const FakeDaemon&) = delete;
    FakeDaemon& operator=(const FakeDaemon&) = delete;

    // What happens to the world after an order, one step for each look that a client takes (a ListPools); each step but
    // the first is told by an event.
    void then(std::vector<std::function<void(FakeWorld&)>> steps);
    // Closes the connection at the next call of this method, unanswered.
    void hang_up_at(const std::string& member);

    [[nodiscard]] const std::string& runtime_dir() const;
    [[nodiscard]] std::vector<std::string> calls() const;  // orders in their sequence: "Start web"

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pinion::ctl::test
