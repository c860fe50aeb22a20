// SPDX-License-Identifier: Apache-2.0
// A client's side of the job socket: frames out, frames in, and whose they are. Reads only while somebody waits.
#pragma once

#include <pinion/job_client.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/fd.h"
#include "wire/frames.h"
#include "wire/job_messages.h"
#include "wire/json.h"

namespace pinion::inline v0 {

struct JobMessage {
    wire::MessageType type{};
    wire::Json head;                 // of all but `finished`
    std::vector<JobResult> results;  // of `finished`
};

// Whoever takes the messages of one map.
class JobMessages {
public:
    virtual ~JobMessages() = default;
    virtual void on_message(JobMessage message) = 0;
};

using SteadyTime = std::optional<std::chrono::steady_clock::time_point>;  // nothing: never
[[nodiscard]] SteadyTime steady_deadline(Timeout timeout);

[[noreturn]] void throw_failure(const JobMessage& failure);
[[nodiscard]] JobFailure failure_of(const JobMessage& failure);
struct JobClient::Connection {
    explicit Connection(UniqueFd connected);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    enum class Woken { by_peer, by_other, by_signal, by_time };

    // Sends as a request of its own; its number.
    std::uint64_t ask(wire::MessageType type, const wire::Json& payload);
    std::uint64_t ask_body(wire::MessageType type, const wire::Json& head, const std::vector<std::string>& items);
    // Sends for a map.
    void tell(wire::MessageType type, std::uint64_t map, const wire::Json& payload);
    void tell_body(wire::MessageType type, std::uint64_t map, const wire::Json& head,
                   const std::vector<std::string>& items);
    // The answer, waited for. Throws what it says where it is a failure, and `unreachable` past the deadline.
    [[nodiscard]] JobMessage answer(std::uint64_t request, const SteadyTime& deadline = std::nullopt);
    // The next answer that is here already.
    [[nodiscard]] std::optional<JobMessage> take_answer(std::uint64_t request);
    // No more answers to it are wanted.
    void forget(std::uint64_t request) { answers_.erase(request); }
    // Writes and reads once, after waiting for the peer, `also` or the deadline. Throws when the connection is lost.
    Woken exchange(const SteadyTime& deadline, int also = -1);

    std::map<std::uint64_t, JobMessages*> maps;  // by the map's number

private:
    void append(wire::MessageType type, std::uint64_t id, wire::FrameCodec codec, std::string_view payload);
    void write_some();
    void read_some();
    void on_frame(const wire::FrameHeader& header, std::string_view payload);

    UniqueFd socket_;
    std::string out_;
    std::size_t written_ = 0;
    wire::FrameReader reader_;
    std::uint64_t next_request_ = std::uint64_t{1} << 63;       // maps have small numbers
    std::map<std::uint64_t, std::vector<JobMessage>> answers_;  // of the requests whose answers are wanted
    std::optional<JobFailure> broken_;
};

}  // namespace pinion::inline v0
