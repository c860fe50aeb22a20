// SPDX-License-Identifier: Apache-2.0
// The shell and the kernel, made up: a clock, processes with fates, and an exact execution of every effect. It keeps
// the contract of event.h (a Spawn is answered once, TreeEmptied follows WorkerExited once) and nothing more: answers
// may be late, READY=1 may overtake them, workers die at once, ignore SIGTERM and leave grandchildren that outlive a
// SIGKILL.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <vector>

#include "random.h"
#include "supervise/supervisor.h"

namespace pinion::sim {

using namespace std::chrono_literals;
using namespace supervise;

// How often things go wrong, one in so many; 0 is never.
struct Faults {
    std::uint32_t spawn_fails = 8;
    std::uint32_t answer_late = 4;
    std::uint32_t dies_at_once = 8;
    std::uint32_t dies_later = 2;
    std::uint32_t never_ready = 6;
    std::uint32_t ignores_signals = 5;
    std::uint32_t leaves_others = 4;
    std::uint32_t kill_misses = 4;
    std::uint32_t hangs_before_exec = 12;  // for minutes, or until it is killed
    static Faults none() { return {0, 0, 0, 0, 0, 0, 0, 0, 0}; }
};

// A worker's process and what it left behind, from its Spawn until its TreeEmptied was delivered.
struct Tree {
    WorkerId id;
    SpecPtr spec;
    cpu::Seat seat;
    MonotonicTime spawned{};
    std::uint64_t born = 0;    // the number of the event that led to its Spawn
    bool answered = false;     // SpawnSucceeded was delivered
    bool main = false;         // its main process lives
    bool others = false;       // it has, or left, other processes
    bool ignores = false;      // every signal but SIGKILL
    bool told_to_end = false;  // by a Signal or a KillTree that no operator's `kill` asked for
    bool exited = false;       // WorkerExited was delivered
    int misses = 0;            // SIGKILLs that its other processes will survive
};

class FakeWorld {
public:
    // Sees each event before it is handled, and it with its effects afterwards. `number` counts events.
    struct Watcher {
        virtual ~Watcher() = default;
        virtual void before(const Event& event, const FakeWorld& world) = 0;
        virtual void after(const Event& event, const Effects& effects, const FakeWorld& world) = 0;
    };

    FakeWorld(std::uint64_t seed, Watcher* watcher) : supervisor(seed), random(seed), watcher_(watcher) {}

    // Handles one event from outside, and all that follows at once.
    void send(const Event& event);
    // Goes on to the next thing that happens by itself, at the latest at `until`. False: nothing before that.
    bool advance(MonotonicTime until = no_deadline);
    // Lets time pass with everything that happens in it.
    void run_for(Duration span);

    [[nodiscard]] const Tree* tree(const std::string& pool, Slot slot) const;
    [[nodiscard]] const std::map<std::pair<std::string, Slot>, Tree>& trees() const { return trees_; }
    // What is scheduled by processes themselves; deadlines are the supervisor's.
    [[nodiscard]] bool idle() const { return scheduled_.empty(); }

    Supervisor supervisor;
    Random random;
    Faults faults;
    MonotonicTime now{1h};
    std::uint64_t events = 0;
    std::uint64_t effects_executed = 0;
    std::uint64_t fail_effect = 0;  // this one fails; 0: none
    std::uint64_t shutdowns_completed = 0;
    std::vector<std::string> violations;

private:
    struct Happening {
        MonotonicTime at;
        std::uint64_t order;
        enum class Kind : std::uint8_t { answer, failure, ready, exit, emptied } kind;
        WorkerId id;
        Death death;
        bool operator>(const Happening& other) const { return at != other.at ? at > other.at : order > other.order; }
    };

    void handle(const Event& event);
    void execute(const Effect& effect, const Event& cause);
    void spawn(const Spawn& effect, bool fails);
    void draw_fate(Tree& tree, Duration answer);
    void signal(const Signal& effect, bool by_operator, bool fails);
    void kill_tree(const KillTree& effect, bool fails);
    void check_owners(const Effects& done);
    void happen(const Happening& happening);
    void schedule(Happening::Kind kind, const WorkerId& id, Duration delay, Death death = {});
    [[nodiscard]] Tree* find(const WorkerId& id);
    bool chance(std::uint32_t one_in) { return one_in != 0 && random.one_in(one_in); }

    Watcher* watcher_;
    std::map<std::pair<std::string, Slot>, Tree> trees_;
    std::priority_queue<Happening, std::vector<Happening>, std::greater<>> scheduled_;
    std::uint64_t order_ = 0;
    std::queue<Event> queue_;
    Effects effects_;
    bool draining_ = false;
};

}  // namespace pinion::sim
