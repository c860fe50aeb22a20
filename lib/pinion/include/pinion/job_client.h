// SPDX-License-Identifier: Apache-2.0
// Jobs for the pools of a running piniond, over its job socket: submit, map, wait, look. The daemon keeps them, as
// durably as the pool says; a worker's death, or this program's, loses nothing that was acknowledged.
//
//     pinion::JobClient client = pinion::JobClient::connect();
//     for (pinion::JobResult& result : client.map("thumbs", {R"("a.png")", R"("b.png")"})) …
//
// Inputs and results are JSON texts where the pool's payload is json, any bytes where it is raw.
#pragma once

#include <pinion/api.h>
#include <pinion/job_types.h>

#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pinion::inline v0 {

class JobClient;

// A map under way: inputs go in, results come out, both in bounded memory. Its client must outlive it. Destroying a map
// that has no name and is not at its end leaves it to the daemon, which cancels it with the connection; so does the
// next daemon with what its predecessor left of one.
class PINION_API JobMap {
public:
    JobMap(JobMap&&) noexcept;
    JobMap& operator=(JobMap&&) noexcept;
    ~JobMap();

    [[nodiscard]] const std::string& pool() const noexcept;
    [[nodiscard]] bool raw() const noexcept;
    [[nodiscard]] const std::string& durability() const noexcept;
    // Whether all inputs were given when it was opened, as of a map that was attached to.
    [[nodiscard]] bool was_sealed() const noexcept;
    // Whether inputs may be added now; else results must be taken first, or waited for.
    [[nodiscard]] bool has_room() const noexcept;
    // Adds an input; `index` of the n-th is n. It is sent with those that follow, at the latest when waited.
    void add(std::string input);
    // No more inputs come.
    void seal();

    // The next result that is here; nothing where none is.
    [[nodiscard]] std::optional<JobResult> take();
    // Waits until a result is here, inputs have room that had none, `also` is readable, a signal came, or the end.
    // False: the timeout has passed. Throws JobFailure.
    bool wait(Timeout timeout = Timeout::forever, int also = -1);
    // All results were taken.
    [[nodiscard]] bool done() const noexcept;
    [[nodiscard]] MapProgress progress() const noexcept;
    // Waits for the next result; nothing at the end.
    [[nodiscard]] std::optional<JobResult> next();

    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = JobResult;
        using difference_type = std::ptrdiff_t;
        using pointer = JobResult*;
        using reference = JobResult&;
        Iterator() = default;
        explicit Iterator(JobMap* map) : map_(map) { ++*this; }
        reference operator*() { return *current_; }
        pointer operator->() { return &*current_; }
        Iterator& operator++() {
            current_ = map_->next();
            if (!current_) map_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(const Iterator& other) const { return map_ == other.map_; }

    private:
        JobMap* map_ = nullptr;
        std::optional<JobResult> current_;
    };
    [[nodiscard]] Iterator begin() { return Iterator(this); }
    [[nodiscard]] Iterator end() { return {}; }

private:
    friend class JobClient;
    struct State;
    explicit JobMap(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

// One connection. One thread uses it. What fails throws JobFailure.
class PINION_API JobClient {
public:
    // $RUNTIME_DIRECTORY/jobs.sock, /run/pinion/jobs.sock for root, else the own daemon's where there is one, else
    // root's.
    [[nodiscard]] static std::string default_path();
    // `timeout`: how long piniond may take to let us in, and to answer the first word; past it JobFailure `unreachable`
    // is thrown.
    [[nodiscard]] static JobClient connect(const std::string& path = default_path(),
                                           Timeout timeout = Timeout::forever);
    // Over a connected socket, which it takes over.
    [[nodiscard]] static JobClient over(int socket, Timeout timeout = Timeout::forever);
    JobClient(JobClient&&) noexcept;
    JobClient& operator=(JobClient&&) noexcept;
    ~JobClient();

    [[nodiscard]] JobPoolInfo pool(const std::string& name);
    // CPU time that the pool's workers have taken since the daemon began, those that have ended included.
    [[nodiscard]] std::chrono::microseconds cpu_time(const std::string& pool);
    // All or none; returns when they are as durable as the pool says.
    SubmittedJobs submit(const std::string& pool, const std::vector<std::string>& inputs,
                         const JobOptions& options = {});

    [[nodiscard]] JobMap open_map(const std::string& pool, const MapOptions& options = {});
    // The results of a named map from an index on, in input order. `pool` may be empty where one pool has it only.
    [[nodiscard]] JobMap attach(const std::string& name, const std::string& pool = {}, std::uint64_t from = 0,
                                std::size_t window = 4096);
    // The whole of it: all inputs at once, results in order.
    [[nodiscard]] JobMap map(const std::string& pool, const std::vector<std::string>& inputs,
                             const MapOptions& options = {});
    // The same in bounded memory: asks `next` for inputs until it has none, gives each result to `each`.
    void map(const std::string& pool, const std::function<std::optional<std::string>()>& next,
             const std::function<void(JobResult)>& each, const MapOptions& options = {});

    // Waits until each has ended, and gives them as they do; false: the timeout has passed.
    bool wait(const std::vector<std::uint64_t>& jobs, const std::function<void(JobResult)>& each,
              Timeout timeout = Timeout::forever);
    // The result of one job, waited for.
    [[nodiscard]] JobResult result(std::uint64_t job);

    // All that is known of a job, as JSON, with every attempt.
    [[nodiscard]] std::string ask(std::uint64_t job);
    [[nodiscard]] ListedJobs list(const ListOptions& options = {});
    // Returns when the cancel can't be lost any more, for a running job when its tree is gone. Whether it was
    // cancelled; false: it had ended.
    bool cancel(std::uint64_t job);
    // The same for all of a map that has not ended, and what is added to it later. False: there was nothing left.
    bool cancel_map(const std::string& name, const std::string& pool = {});
    // A new job with the same input.
    std::uint64_t retry(std::uint64_t job);
    // "pause", "resume" or "drain": holds at once, and returns when that can't be lost any more.
    void steer(const std::string& pool, std::string_view verb);
    // What it waits for, as JSON {"job","state","why",…}; what its attempts wrote, as {"job","lines"}.
    [[nodiscard]] std::string why(std::uint64_t job);
    [[nodiscard]] std::string log(std::uint64_t job, std::optional<unsigned> attempt = std::nullopt);

    struct Connection;  // not for use

private:
    friend class JobMap;
    explicit JobClient(std::unique_ptr<Connection> connection) noexcept;
    std::unique_ptr<Connection> connection_;
};

}  // namespace pinion::inline v0
