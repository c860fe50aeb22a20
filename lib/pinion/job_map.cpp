// SPDX-License-Identifier: Apache-2.0
// A map on its client's side: batches of inputs out, results in, as many as there is room for.
#include "pinion/job_map.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace pinion::inline v0 {
namespace {

constexpr std::size_t batch_items = 2048;
constexpr std::size_t batch_bytes = 256 << 10;
constexpr unsigned unanswered_batches = 2;     // what the daemon takes
constexpr std::size_t result_bytes = 8 << 20;  // of results that may be on their way to us
constexpr std::size_t cautious = 64;           // results at first, while their size is not known

}  // namespace

JobMap::State::State(JobClient::Connection& its_connection, const JobMessage& opened, std::size_t its_window)
    : connection(its_connection), window(std::max<std::size_t>(its_window, 1)) {
    const auto text = [&](const char* name) {
        const wire::Json* value = opened.head.find(name);
        return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
    };
    const auto flag = [&](const char* name) {
        const wire::Json* value = opened.head.find(name);
        return value != nullptr && value->as_bool().value_or(false);
    };
    const wire::Json* number = opened.head.find("map");
    map = number == nullptr ? 0 : number->as_uint().value_or(0);
    pool = text("pool");
    durability = text("durability");
    raw = text("payload") == "raw";
    was_sealed = flag("sealed");
    connection.maps[map] = this;
}

JobMap::State::~State() { connection.maps.erase(map); }

bool JobMap::State::is_full() const { return held || batch.size() >= batch_items || bytes >= batch_bytes; }

bool JobMap::State::has_room() const { return !seal_asked && !held && (!is_full() || unanswered < unanswered_batches); }

void JobMap::State::wait_for_room() {
    for (;;) {
        advance(false);
        if (failure) throw JobFailure(*failure);
        if (has_room()) return;
        connection.exchange(std::nullopt);
    }
}

// Sends what may be sent: a batch, the seal, the leave to send results.
void JobMap::State::advance(bool all) {
    while (!batch.empty() && unanswered < unanswered_batches && (all || is_full() || seal_asked)) {
        const std::uint64_t from = next - batch.size() - (held ? 1 : 0);
        connection.tell_body(wire::MessageType::add_items, map, wire::Json::object().set("from", from), batch);
        ++unanswered;
        batch.clear();
        bytes = 0;
        if (!held) break;
        bytes = held->size();
        batch.push_back(std::move(*held));
        held.reset();
    }
    if (seal_asked && !sealed && batch.empty()) {
        connection.tell(wire::MessageType::seal_map, map, wire::Json::object());
        sealed = true;
    }
    // As many results as fit, judged by those that came.
    const std::size_t fit = came == 0 ? cautious : result_bytes / (came_bytes / came + 1);
    const std::size_t most = keeps_all ? window : std::clamp<std::size_t>(fit, 1, window);
    const std::size_t under_way = allowed + results.size();
    if (over || under_way + most / 4 >= most) return;
    connection.tell(wire::MessageType::allow, map, wire::Json::object().set("results", most - under_way));
    allowed += most - under_way;
}

void JobMap::State::on_message(JobMessage message) {
    const auto number = [&](const char* name) {
        const wire::Json* value = message.head.find(name);
        return value == nullptr ? std::optional<std::uint64_t>() : value->as_uint();
    };
    switch (message.type) {
        case wire::MessageType::items_added: unanswered -= unanswered > 0 ? 1 : 0; break;
        case wire::MessageType::map_progress:
            told = {number("finished").value_or(0), number("failed").value_or(0), number("total")};
            break;
        case wire::MessageType::map_done: over = true; break;
        case wire::MessageType::failure:
            if (!failure) failure = failure_of(message);
            break;
        case wire::MessageType::finished:
            for (JobResult& result : message.results) {
                ++came;
                came_bytes += result.result.size() + result.error.size();
                if (result.state == JobResult::State::failed) ++failed;
                allowed -= allowed > 0 ? 1 : 0;
                results.push_back(std::move(result));
            }
            break;
        default: break;
    }
}

JobMap::JobMap(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
JobMap::JobMap(JobMap&&) noexcept = default;
JobMap& JobMap::operator=(JobMap&&) noexcept = default;
JobMap::~JobMap() = default;

const std::string& JobMap::pool() const noexcept { return state_->pool; }
bool JobMap::raw() const noexcept { return state_->raw; }
const std::string& JobMap::durability() const noexcept { return state_->durability; }
bool JobMap::was_sealed() const noexcept { return state_->was_sealed; }
bool JobMap::has_room() const noexcept { return state_->has_room(); }

void JobMap::add(std::string input) {
    if (state_->seal_asked) throw std::logic_error("add an input to a map that is sealed");
    State& state = *state_;
    // Of whoever did not ask for room.
    if (state.held) state.wait_for_room();
    ++state.next;
    if (!state.batch.empty() && state.bytes + input.size() > batch_bytes) {
        state.held = std::move(input);
    } else {
        state.bytes += input.size();
        state.batch.push_back(std::move(input));
    }
    state.advance(false);
}

void JobMap::seal() {
    state_->seal_asked = true;
    state_->advance(true);
}

std::optional<JobResult> JobMap::take() {
    if (state_->results.empty()) return std::nullopt;
    JobResult first = std::move(state_->results.front());
    state_->results.pop_front();
    return first;
}

bool JobMap::wait(Timeout timeout, int also) {
    State& state = *state_;
    const SteadyTime deadline = steady_deadline(timeout);
    const bool had_room = state.has_room();
    for (;;) {
        state.advance(true);
        if (!state.results.empty()) return true;
        if (state.failure) throw JobFailure(*state.failure);
        if (state.over) return true;
        if (!had_room && state.has_room()) return true;
        const auto woken = state.connection.exchange(deadline, also);
        if (woken == JobClient::Connection::Woken::by_time) return false;
        if (woken != JobClient::Connection::Woken::by_peer || also >= 0) break;
    }
    state.advance(true);
    if (state.failure && state.results.empty()) throw JobFailure(*state.failure);
    return true;
}

bool JobMap::done() const noexcept { return state_->over && !state_->failure && state_->results.empty(); }

MapProgress JobMap::progress() const noexcept {
    MapProgress progress = state_->told;
    progress.finished = std::max(progress.finished, state_->came);
    progress.failed = std::max(progress.failed, state_->failed);
    if (!progress.total && state_->sealed && !state_->attached) progress.total = state_->next;
    return progress;
}

std::optional<JobResult> JobMap::next() {
    for (;;) {
        if (auto result = take()) return result;
        if (done()) return std::nullopt;
        wait();
    }
}

}  // namespace pinion::inline v0
