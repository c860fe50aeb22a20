// SPDX-License-Identifier: Apache-2.0
// The daemon as pinionctl sees it: typed calls over its private socket. The one home of D-Bus in ctl.
//
// The connection is peer to peer (no bus daemon between), so that everything works where there is no bus. A call that
// fails comes back with the exit code it means and the daemon's own sentence; a call that a dead daemon can't answer
// ends as `unreachable`. One thread uses a client.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/time.h"
#include "ctl/exit_code.h"
#include "ctl/rows.h"

namespace pinion::ctl {

enum class Verb { start, stop, restart };
[[nodiscard]] const char* to_string(Verb verb) noexcept;

struct ReloadOutcome {
    bool changed = false;
    std::vector<std::string> messages;
};

class Client {
public:
    // Connects to the control socket in `runtime_dir`. No socket or nobody behind it: unreachable, with what to do;
    // no right to it: denied. Waits `timeout` for a place there, or for so long as a call may.
    [[nodiscard]] static Answer<Client> connect(const std::string& runtime_dir,
                                                std::optional<Duration> timeout = std::nullopt);
    // Speaks over a socket that is connected already.
    [[nodiscard]] static Answer<Client> over(UniqueFd socket);
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;
    ~Client();

    [[nodiscard]] Answer<ReloadOutcome> reload();
    [[nodiscard]] Answer<ReloadOutcome> rebalance();  // a reload in which all seats are chosen anew
    [[nodiscard]] Answer<void> act(Verb verb, const std::string& target);  // "web" or "web/3"
    [[nodiscard]] Answer<void> scale(const std::string& pool, std::uint32_t workers);
    [[nodiscard]] Answer<std::uint32_t> kill(const std::string& target, int signal);  // how many were signalled

    [[nodiscard]] Answer<std::vector<PoolRow>> pools();                                // by name
    [[nodiscard]] Answer<std::vector<WorkerRow>> workers(const std::string& pool);     // by slot; of all pools for ""
    [[nodiscard]] Answer<std::vector<LogLine>> last_lines(const std::string& target);  // oldest first
    [[nodiscard]] Answer<std::vector<EventRow>> history();                             // oldest first
    [[nodiscard]] Answer<wire::Json> explain(const std::string& worker);               // as in wire/bus_names.h
    [[nodiscard]] Answer<wire::Json> stats();

    // No call waits much longer than so long from now on (nothing: as long as calls may): one second is always left to
    // an answer, for a look at the very end of that time.
    void answer_within(std::optional<Duration> timeout);

    // From here on events are kept until `next_event` takes them.
    [[nodiscard]] Answer<void> subscribe();
    // The next event, waiting up to `timeout` for it (nothing: for ever). Nothing comes back at the end of that time,
    // or earlier when a signal handler has run.
    [[nodiscard]] Answer<std::optional<EventRow>> next_event(std::optional<Duration> timeout);

private:
    struct State;
    explicit Client(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace pinion::ctl
