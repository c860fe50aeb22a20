// SPDX-License-Identifier: Apache-2.0
// The words of <pinion/job_client.h>: what is asked, what comes back, and what is thrown.
#pragma once

#include <pinion/api.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace pinion::inline v0 {

// The daemon refused, or can't be reached; `what()` is a sentence.
class PINION_API JobFailure : public std::runtime_error {
public:
    enum class Code { unreachable, protocol, version, permission, not_found, invalid, refused, busy };
    JobFailure(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}
    JobFailure(const JobFailure&) = default;
    JobFailure& operator=(const JobFailure&) = default;
    ~JobFailure() override;
    [[nodiscard]] Code code() const noexcept { return code_; }

private:
    Code code_;
};

// A job at its end.
struct JobResult {
    enum class State { done, failed, cancelled };
    std::uint64_t index = 0;  // of its input in a map
    std::uint64_t id = 0;
    State state = State::done;
    unsigned attempts = 0;
    std::string result;  // of one that is done
    std::string error;   // JSON {"type","message",…}; of one that is not
    [[nodiscard]] bool ok() const noexcept { return state == State::done; }
};
[[nodiscard]] PINION_API const char* to_string(JobResult::State state) noexcept;

struct JobOptions {
    int priority = 5;                    // 0 to 9, 9 first
    std::chrono::milliseconds delay{0};  // not before
    std::vector<std::string> keys;       // none, or one for each input: the same key gives the same job
    bool wait = false;                   // for room in the queue, instead of being refused
};
struct SubmittedJobs {
    std::vector<std::uint64_t> ids;       // in the order of the inputs
    std::vector<std::uint64_t> existing;  // those that were known by their key
    std::string durability;               // what they survive: fsync, os or memory
};

struct MapOptions {
    std::string name;        // makes it durable: it goes on without us, and can be attached to
    bool unordered = false;  // results as they finish
    bool fail_fast = false;  // the first failure cancels the others
    int priority = 5;
    std::size_t window = 4096;  // results that may be under way to us
};
struct MapProgress {
    std::uint64_t finished = 0;  // with or without their results having come
    std::uint64_t failed = 0;
    std::optional<std::uint64_t> total;  // once all inputs are given
};

struct ListOptions {
    std::string pool;                 // empty: all
    std::string map;                  // a name; empty: any
    std::vector<std::string> states;  // none: any
    std::uint64_t after = 0;
    unsigned limit = 1000;
};
struct ListedJobs {
    std::vector<std::string> jobs;  // a JSON object each
    std::uint64_t last = 0;         // where the next page begins: `after`
    bool more = false;
};

struct JobPoolInfo {
    std::string pool;
    bool raw = false;  // payload: raw
    std::string json;  // all that the daemon tells
};

}  // namespace pinion::inline v0
