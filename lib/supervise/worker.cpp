// SPDX-License-Identifier: Apache-2.0
#include "supervise/worker.h"

#include <algorithm>
#include <utility>

#include "model/limits.h"
#include "supervise/partition.h"

namespace pinion::supervise {

using namespace state;
using namespace std::chrono_literals;

namespace {

// A SIGKILL may miss a process that forks at that moment where there is no cgroup, so it is repeated, ever more seldom.
constexpr Duration first_patience = 1s;
constexpr Duration longest_patience = 60s;

constexpr auto nothing = [](const auto&) {};

}  // namespace

void Worker::start(const Scene& scene) {
    partition(state_, on<Idle, Backoff, Failed, Completed>([&](auto&) { become(Waiting{}, scene); }),
              on<Waiting, Starting, Running>(nothing), on<Spawning>([](Spawning& s) {
                  if (s.after_answer != Then::rest) return;
                  s.after_answer = s.kill ? Then::replace : std::optional<Then>{};
                  if (!s.after_answer) s.deadline = no_deadline;
              }),
              on<Stopping>([](Stopping& s) { s.then = Then::replace; }),
              on<Clearing>([](Clearing& s) { s.decision = {.kind = Decision::Kind::replace}; }));
    counter_.clear(is_up());
}

void Worker::turn(const Scene& scene) {
    partition(state_, on<Waiting>([&](Waiting&) {
                  generation_ = generation_.next();
                  text_ = scene.text;
                  spec_ = scene.spec;
                  status_text_.clear();
                  counter_.started(scene.spec->restart, scene.turn.now);
                  scene.turn.out.act(Spawn{id(scene), scene.spec, scene.seat});
                  become(Spawning{.since = scene.turn.now}, scene);
              }),
              on<Idle, Spawning, Starting, Running, Stopping, Clearing, Backoff, Failed, Completed>(nothing));
}

void Worker::stop(const Scene& scene, StopReason why) {
    partition(state_, on<Waiting, Backoff, Failed, Completed>([&](auto&) { become(Idle{}, scene); }), on<Idle>(nothing),
              on<Spawning>([&](Spawning& s) { end_spawning(s, Then::rest, why, scene); }),
              on<Starting, Running>([&](auto&) { begin_stop(Then::rest, why, false, scene); }),
              on<Stopping>([&](Stopping& s) {
                  s.then = Then::rest;
                  s.why = why;
              }),
              on<Clearing>([](Clearing& s) { s.decision.kind = Decision::Kind::stopped; }));
}

void Worker::replace(const Scene& scene, StopReason why) {
    counter_.clear(false);
    partition(state_, on<Idle, Backoff, Failed, Completed>([&](auto&) { become(Waiting{}, scene); }),
              on<Waiting>(nothing), on<Spawning>([&](Spawning& s) { end_spawning(s, Then::replace, why, scene); }),
              on<Starting, Running>([&](auto&) { begin_stop(Then::replace, why, false, scene); }),
              on<Stopping>([](Stopping& s) { s.then = Then::replace; }),
              on<Clearing>([](Clearing& s) { s.decision = {.kind = Decision::Kind::replace}; }));
}

void Worker::kill(const Scene& scene, StopReason why) {
    partition(state_, on<Idle, Failed, Completed>(nothing), on<Waiting, Backoff>([&](auto&) { become(Idle{}, scene); }),
              on<Spawning>([&](Spawning& s) {
                  s.after_answer = Then::rest;
                  s.why = why;
                  s.kill = true;
                  kill_again(s.deadline, s.patience, scene);
              }),
              on<Starting, Running>([&](auto&) { begin_stop(Then::rest, why, true, scene); }),
              on<Stopping>([&](Stopping& s) {
                  const bool first = s.patience == Duration::zero();
                  s.then = Then::rest;
                  s.why = why;
                  kill_again(s.deadline, s.patience, scene);
                  if (first) scene.turn.out.report(WorkerKilled{id(scene), to_string(why)});
              }),
              on<Clearing>([&](Clearing& s) {
                  s.decision.kind = Decision::Kind::stopped;
                  kill_again(s.deadline, s.patience, scene);
              }));
}

void Worker::make_way(const Scene& scene, StopReason why, bool by_kill) {
    // What breaks the protocol would do so again at once, and again.
    const auto next = why == StopReason::protocol_broken ? Then::judge : Then::replace;
    const auto then = scene.closing ? Then::rest : next;
    partition(state_, on<Starting, Running>([&](auto&) { begin_stop(then, why, by_kill, scene); }),
              on<Stopping>([&](Stopping& s) {
                  if (!by_kill || s.patience != Duration::zero()) return;
                  kill_again(s.deadline, s.patience, scene);
                  scene.turn.out.report(WorkerKilled{id(scene), to_string(why)});
              }),
              on<Idle, Waiting, Spawning, Clearing, Backoff, Failed, Completed>(nothing));
}

void Worker::spawned(const Scene& scene) {
    partition(state_, on<Spawning>([&](Spawning& held) {
                  const Spawning s = held;
                  scene.turn.out.report(WorkerStarting{id(scene), scene.seat});
                  if (s.seat_stale) scene.turn.out.act(Repin{id(scene), scene.seat});
                  if (s.spec_stale) scene.turn.out.act(Retune{id(scene), scene.spec});
                  if (s.after_answer) {
                      begin_stop(*s.after_answer, s.why, s.kill, scene);
                  } else if (spec_->start.ready == StartPolicy::Ready::exec) {
                      become(Running{scene.turn.now}, scene);
                  } else if (s.ready) {
                      enter_running(s.since, scene);
                  } else {
                      become(Starting{s.since, add_saturating(s.since, scene.spec->start.timeout)}, scene);
                  }
              }),
              on<Idle, Waiting, Starting, Running, Stopping, Clearing, Backoff, Failed, Completed>(nothing));
}

void Worker::not_spawned(const Scene& scene, const SpawnFailure& failure) {
    partition(state_, on<Spawning>([&](Spawning& s) {
                  Decision decision;
                  if (s.after_answer) {
                      decision.kind = *s.after_answer == Then::rest ? Decision::Kind::stopped : Decision::Kind::replace;
                  } else {
                      decision = decide(nullptr, std::nullopt, scene);
                  }
                  last_start_timed_out_ = false;
                  remember({.generation = generation_, .failure = failure, .at = scene.turn.now, .decision = decision});
                  scene.turn.out.report(WorkerNotSpawned{id(scene), failure, decision});
                  follow(decision, scene.turn.now, scene);
              }),
              on<Idle, Waiting, Starting, Running, Stopping, Clearing, Backoff, Failed, Completed>(nothing));
}

void Worker::ready(const Scene& scene) {
    partition(state_, on<Spawning>([](Spawning& s) { s.ready = true; }),
              on<Starting>([&](Starting& s) { enter_running(s.since, scene); }),
              on<Idle, Waiting, Running, Stopping, Clearing, Backoff, Failed, Completed>(nothing));
}

void Worker::exited(const Scene& scene, const Death& death) {
    partition(state_, on<Starting>([&](Starting&) {
                  last_start_timed_out_ = false;
                  end(death, Phase::starting, std::nullopt, decide(&death, std::nullopt, scene), scene);
              }),
              on<Running>([&](Running& s) {
                  last_start_timed_out_ = false;
                  const auto since = s.since;
                  end(death, Phase::running, since, decide(&death, scene.turn.now - since, scene), scene);
              }),
              on<Stopping>([&](Stopping& held) {
                  const Stopping s = held;
                  last_start_timed_out_ = s.then == Then::judge;
                  Decision decision{.failures_in_row = counter_.failures_in_row()};
                  if (s.then == Then::judge) decision = decide(nullptr, std::nullopt, scene);
                  if (s.then == Then::rest) decision.kind = Decision::Kind::stopped;
                  if (s.then == Then::replace) decision.kind = Decision::Kind::replace;
                  end(death, Phase::stopping, s.ready, decision, scene);
              }),
              on<Idle, Waiting, Spawning, Clearing, Backoff, Failed, Completed>(nothing));
}

void Worker::emptied(const Scene& scene) {
    partition(state_, on<Clearing>([&](Clearing& held) {
                  const Clearing s = held;
                  follow(s.decision, s.ended, scene);
              }),
              on<Idle, Waiting, Spawning, Starting, Running, Stopping, Backoff, Failed, Completed>(nothing));
}

void Worker::timer(const Scene& scene) {
    if (scene.turn.now < deadline()) return;
    partition(state_, on<Spawning>([&](Spawning& s) {
                  s.kill = true;
                  kill_again(s.deadline, s.patience, scene);
              }),
              on<Starting>([&](Starting& s) {
                  scene.turn.out.report(WorkerStartTimedOut{id(scene), scene.turn.now - s.since});
                  begin_stop(Then::judge, StopReason::not_ready, false, scene);
              }),
              on<Stopping>([&](Stopping& s) {
                  const bool first = s.patience == Duration::zero();
                  kill_again(s.deadline, s.patience, scene);
                  if (first) scene.turn.out.report(WorkerKilled{id(scene), "it did not end within stop.timeout"});
              }),
              on<Clearing>([&](Clearing& s) {
                  const bool first = s.patience == first_patience;
                  kill_again(s.deadline, s.patience, scene);
                  if (first) scene.turn.out.report(WorkerKilled{id(scene), "processes outlived its main process"});
              }),
              on<Backoff>([&](Backoff&) { become(Waiting{}, scene); }),
              on<Idle, Waiting, Running, Failed, Completed>(nothing));
}

void Worker::seat_changed(const Scene& scene) {
    partition(state_, on<Spawning>([](Spawning& s) { s.seat_stale = true; }),
              on<Starting, Running, Stopping>([&](auto&) { scene.turn.out.act(Repin{id(scene), scene.seat}); }),
              on<Idle, Waiting, Clearing, Backoff, Failed, Completed>(nothing));
}

void Worker::spec_changed(const Scene& scene) {
    if (text_ == scene.text) spec_ = scene.spec;
    partition(state_, on<Spawning>([](Spawning& s) { s.spec_stale = true; }),
              on<Starting, Running, Stopping>([&](auto&) { scene.turn.out.act(Retune{id(scene), scene.spec}); }),
              on<Idle, Waiting, Clearing, Backoff, Failed, Completed>(nothing));
}

void Worker::restart_changed(const Scene& scene) {
    partition(state_, on<Clearing>([&](Clearing& s) {
                  const bool by_operator =
                      s.decision.kind == Decision::Kind::stopped || s.decision.kind == Decision::Kind::replace;
                  if (!by_operator) s.decision = decide_anew(scene);
              }),
              on<Backoff>([&](Backoff& s) {
                  const auto ended = s.ended;
                  follow(decide_anew(scene), ended, scene);
              }),
              on<Failed, Completed>([&](auto&) {
                  const auto decision = decide_anew(scene);
                  if (decision.kind == Decision::Kind::restart) counter_.clear(false);
                  follow({.kind = decision.kind}, scene.turn.now, scene);
              }),
              on<Idle, Waiting, Spawning, Starting, Running, Stopping>(nothing));
}

void Worker::same_text(const Scene& scene) {
    text_ = scene.text;
    spec_ = scene.spec;
}

void Worker::become(State next, const Scene& scene) {
    const auto before = visible(kind());
    state_ = std::move(next);
    if (visible(kind()) != before) since_ = scene.turn.now;
}

void Worker::begin_stop(Then then, StopReason why, bool by_kill, const Scene& scene) {
    const auto& policy = scene.spec->stop;
    Stopping stopping{.then = then, .why = why, .ready = ready_since(), .deadline = scene.turn.now};
    if (by_kill || policy.timeout == Duration::zero()) {
        kill_again(stopping.deadline, stopping.patience, scene);
        scene.turn.out.report(WorkerKilled{id(scene), to_string(why)});
    } else {
        stopping.deadline = add_saturating(scene.turn.now, policy.timeout);
        scene.turn.out.act(Signal{id(scene), policy.signal});
        scene.turn.out.report(WorkerStopping{id(scene), policy.signal, to_string(why), policy.timeout});
    }
    become(stopping, scene);
}

// One that is not there yet is given as long as one that runs: its program may lie on a file system that hangs.
void Worker::end_spawning(Spawning& s, Then then, StopReason why, const Scene& scene) {
    if (!s.after_answer) s.deadline = add_saturating(scene.turn.now, scene.spec->stop.timeout);
    s.after_answer = then;
    s.why = why;
}

void Worker::enter_running(MonotonicTime since, const Scene& scene) {
    scene.turn.out.report(WorkerIsReady{id(scene), scene.turn.now - since});
    become(Running{scene.turn.now}, scene);
}

void Worker::end(const Death& death, Phase phase, std::optional<MonotonicTime> ready, Decision decision,
                 const Scene& scene) {
    const auto now = scene.turn.now;
    const auto uptime = ready ? now - *ready : Duration::zero();
    remember({.generation = generation_, .death = death, .uptime = uptime, .at = now, .decision = decision});
    Clearing clearing{.decision = decision, .ended = now, .deadline = now};
    kill_again(clearing.deadline, clearing.patience, scene);
    scene.turn.out.report(WorkerDied{id(scene), death, phase, uptime, decision});
    become(clearing, scene);
}

void Worker::follow(const Decision& decision, MonotonicTime ended, const Scene& scene) {
    switch (decision.kind) {
        case Decision::Kind::restart: {
            const auto until = add_saturating(ended, decision.delay);
            if (until <= scene.turn.now) return become(Waiting{}, scene);
            return become(Backoff{ended, until}, scene);
        }
        case Decision::Kind::replace: return become(Waiting{}, scene);
        case Decision::Kind::stopped: return become(Idle{}, scene);
        case Decision::Kind::complete: return become(Completed{}, scene);
        case Decision::Kind::give_up_fatal:
        case Decision::Kind::give_up_limit:
        case Decision::Kind::give_up_policy: return become(Failed{decision.kind}, scene);
    }
}

void Worker::remember(PastLife life) {
    if (history_.size() == limits::death_history) history_.erase(history_.begin());
    history_.push_back(std::move(life));
}

void Worker::kill_again(MonotonicTime& deadline, Duration& patience, const Scene& scene) {
    scene.turn.out.act(KillTree{id(scene)});
    patience = patience == Duration::zero() ? first_patience : std::min(patience * 2, longest_patience);
    deadline = add_saturating(scene.turn.now, patience);
}

Decision Worker::decide(const Death* death, std::optional<Duration> uptime, const Scene& scene) {
    if (scene.closing) {
        return {.kind = Decision::Kind::stopped, .failures_in_row = counter_.failures_in_row()};
    }
    const auto& policy = scene.spec->restart;
    return counter_.count(policy, judge(policy, death), uptime, scene.turn.now, jitter_seed(scene));
}

// The decision on the last end by the policy in force now, its limit aside: what was counted stays counted.
Decision Worker::decide_anew(const Scene& scene) {
    const auto& policy = scene.spec->restart;
    const auto& last = history_.back();
    const bool came_up = last.death.has_value() && !last_start_timed_out_;
    const auto kind = judge(policy, came_up ? &*last.death : nullptr);
    if (kind == Decision::Kind::complete) counter_.completed();
    Decision decision{.kind = kind, .failures_in_row = counter_.failures_in_row()};
    if (decision.kind == Decision::Kind::restart) {
        const auto n = std::max(counter_.failures_in_row(), std::uint32_t{1});
        decision.delay = backoff_delay_jittered(policy, n, jitter_seed(scene));
    }
    return decision;
}

MonotonicTime Worker::deadline() const {
    return partition(state_, on<Spawning, Starting, Stopping, Clearing>([](const auto& s) { return s.deadline; }),
                     on<Backoff>([](const Backoff& s) { return s.until; }),
                     on<Idle, Waiting, Running, Failed, Completed>([](const auto&) { return no_deadline; }));
}

bool Worker::is_up() const {
    return partition(
        state_, on<Spawning>([](const Spawning& s) { return !s.after_answer; }),
        on<Starting, Running>([](const auto&) { return true; }),
        on<Idle, Waiting, Stopping, Clearing, Backoff, Failed, Completed>([](const auto&) { return false; }));
}

bool Worker::is_alive() const {
    return partition(
        state_, on<Starting, Running, Stopping>([](const auto&) { return true; }),
        on<Idle, Waiting, Spawning, Clearing, Backoff, Failed, Completed>([](const auto&) { return false; }));
}

bool Worker::is_outdated(const Scene& scene) const {
    return is_up() && text_ != scene.text && !(spec_ == scene.spec || *spec_ == *scene.spec);
}

std::optional<MonotonicTime> Worker::ready_since() const {
    return partition(state_, on<Running>([](const Running& s) { return std::optional(s.since); }),
                     on<Stopping>([](const Stopping& s) { return s.ready; }),
                     on<Idle, Waiting, Spawning, Starting, Clearing, Backoff, Failed, Completed>(
                         [](const auto&) { return std::optional<MonotonicTime>{}; }));
}

// Workers of a pool, and the lives of a worker, must not wait in step.
std::uint64_t Worker::jitter_seed(const Scene& scene) const {
    return scene.seed ^ (std::uint64_t{scene.slot.value} << 40) ^ generation_.value;
}

}  // namespace pinion::supervise
