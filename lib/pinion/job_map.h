// SPDX-License-Identifier: Apache-2.0
// What a JobMap holds.
#pragma once

#include <pinion/job_client.h>

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "pinion/job_connection.h"

namespace pinion::inline v0 {

struct [[gnu::visibility("hidden")]] JobMap::State : JobMessages {
    State(JobClient::Connection& its_connection, const JobMessage& opened, std::size_t its_window);
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() override;

    void on_message(JobMessage message) override;
    void advance(bool all);
    [[nodiscard]] bool is_full() const;  // the batch
    [[nodiscard]] bool has_room() const;
    // Whatever results come meanwhile. Throws where no more inputs are taken.
    void wait_for_room();

    JobClient::Connection& connection;
    std::uint64_t map = 0;
    std::string pool;
    std::string durability;
    bool raw = false;
    bool was_sealed = false;
    bool attached = false;
    std::size_t window;
    bool keeps_all = false;  // results, however large they are together

    std::vector<std::string> batch;   // inputs that were not sent
    std::size_t bytes = 0;            // of them
    std::optional<std::string> held;  // one that would make the batch too large: it begins the next
    std::uint64_t next = 0;           // index of the next input
    unsigned unanswered = 0;          // batches
    bool seal_asked = false;
    bool sealed = false;  // the daemon was told so

    std::deque<JobResult> results;  // that were not taken
    std::uint64_t came = 0;
    std::uint64_t came_bytes = 0;
    std::uint64_t failed = 0;
    std::size_t allowed = 0;  // results that may still come
    MapProgress told;
    bool over = false;
    std::optional<JobFailure> failure;
};

}  // namespace pinion::inline v0
