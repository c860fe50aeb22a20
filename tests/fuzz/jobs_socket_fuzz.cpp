// SPDX-License-Identifier: Apache-2.0
// Any bytes from a client of the job socket, in pieces, with jobs that end and time that passes between them. Nothing
// may break, all that is sent back is frames of the protocol, and what is kept for one client stays bounded.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "../unit/daemon_jobs/fake_job_queue.h"
#include "daemon/jobs/job_connection.h"
#include "daemon/jobs/socket_limits.h"
#include "wire/limits.h"

namespace {

using namespace pinion;
using namespace pinion::daemon;

void require(bool holds) {
    if (!holds) std::abort();
}

class Session {
public:
    explicit Session(Caller caller) {
        queue_.declare("a");
        queue_.declare("b", {.uids = {1000}, .gids = {}}, PayloadKind::raw);
        connection_ = std::make_shared<JobConnection>(
            queue_, ConnectionSetting{
                        .caller = std::move(caller), .own_uid = 990, .changed = [] {}, .now = [this] { return now_; }});
    }
    void feed(std::string_view bytes) {
        if (connection_->wants_input()) connection_->feed(bytes);
    }
    // What else may happen, as a byte decides.
    void happen(unsigned what) {
        if ((what & 1U) != 0) queue_.settle();
        if ((what & 2U) != 0) end_one();
        if ((what & 4U) != 0) take_output();
        if ((what & 8U) != 0) now_ += socket_limits::progress_every;
        if ((what & 16U) != 0) queue_.room = !queue_.room;
        connection_->tick(now_);
        connection_->tend();
        require(connection_->outbox().size() < socket_limits::output_bytes + wire::limits::max_answer_bytes);
    }

private:
    void end_one() {
        const auto waiting = queue_.waiting();
        if (!waiting.empty())
            queue_.end(waiting.back(), "1", waiting.size() % 3 == 0 ? jobs::JobState::failed : jobs::JobState::done);
    }
    void take_output() {
        const auto bytes = connection_->outbox().bytes();
        const auto read = reader_.feed(bytes, [](const wire::FrameHeader& header, std::string_view) {
            require(wire::check_frame(header, wire::Sender::daemon).has_value());
        });
        require(read.has_value());
        connection_->outbox().taken(bytes.size());
    }

    FakeJobQueue queue_;
    MonotonicTime now_{};
    wire::FrameReader reader_{wire::limits::max_answer_bytes + (1 << 20)};
    std::shared_ptr<JobConnection> connection_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    Session session({data[0] % 2 == 0 ? 0U : 1000U, {}});
    const std::size_t piece = 1 + data[1] * std::size_t{16};
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const auto some = bytes.substr(at, piece);
        session.feed(some);
        session.happen(static_cast<unsigned char>(some.back()) | 1U);
    }
    for (unsigned i = 0; i < 8; ++i) session.happen(i % 2 == 0 ? 7 : 15);
    return 0;
}
