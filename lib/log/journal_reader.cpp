// SPDX-License-Identifier: Apache-2.0
#include "log/journal_reader.h"

#include <poll.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/text.h"

namespace pinion::log {

struct JournalReader::State {
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { sd_journal_close(journal); }

    sd_journal* journal = nullptr;
    bool on_entry = false;  // the journal stands on an entry that `next` has not given yet
    bool watching = false;
};

namespace {

constexpr const char* read_what = "read the journal";

// Whether the system keeps a journal that we can't see into.
bool journal_is_forbidden() {
    for (const char* folder : {"/var/log/journal", "/run/log/journal"})
        if (::access(folder, F_OK) == 0) return true;
    return false;
}

Result<void> require_files(sd_journal* journal) {
    if (sd_journal_has_persistent_files(journal) > 0 || sd_journal_has_runtime_files(journal) > 0) return {};
    if (::geteuid() != 0 && journal_is_forbidden())
        return std::unexpected(
            Error{EACCES, "read the journal: permission denied; members of the group 'systemd-journal' may read it"});
    return std::unexpected(
        Error{ENOENT, "read the journal: there is none on this system; piniond writes to its stderr then"});
}

Result<void> add_match(sd_journal* journal, const std::string& match) {
    const int code = sd_journal_add_match(journal, match.data(), match.size());
    if (code < 0) return fail_errno(code, read_what);
    return {};
}

// Stands such that the newest `last` entries come next. Whether it stands on the first of them.
Result<bool> seek_last(sd_journal* journal, std::size_t last) {
    int code = sd_journal_seek_tail(journal);
    if (code >= 0) code = sd_journal_previous_skip(journal, std::max<std::uint64_t>(last, 1));
    // Nothing matches yet: whatever comes is new.
    const bool none = code == 0;
    if (none) code = sd_journal_seek_head(journal);
    if (code < 0) return fail_errno(code, read_what);
    return !none && last > 0;
}

// A field's value; empty where the entry has none.
std::string value_of(sd_journal* journal, const char* field) {
    const void* data = nullptr;
    std::size_t size = 0;
    if (sd_journal_get_data(journal, field, &data, &size) < 0) return {};
    const std::string_view text(static_cast<const char*>(data), size);
    return std::string(text.substr(std::min(text.size(), std::string_view(field).size() + 1)));
}

JournalEntry read_entry(sd_journal* journal) {
    JournalEntry entry;
    std::uint64_t usec = 0;
    if (sd_journal_get_realtime_usec(journal, &usec) >= 0)
        entry.at = WallTime(Duration(static_cast<Duration::rep>(usec)));
    const auto priority = parse_integer(value_of(journal, "PRIORITY"));
    if (priority && *priority >= 0 && *priority <= 7) entry.priority = static_cast<Priority>(*priority);
    entry.message = value_of(journal, "MESSAGE");
    entry.pool = value_of(journal, "PINION_POOL");
    entry.slot = value_of(journal, "PINION_SLOT");
    entry.event = value_of(journal, "PINION_EVENT");
    return entry;
}

// How long poll may wait, in ms, rounded up: until `timeout`, or until the journal itself wants to look again.
Result<int> poll_timeout(sd_journal* journal, Duration timeout) {
    std::uint64_t until = 0;
    if (const int code = sd_journal_get_timeout(journal, &until); code < 0) return fail_errno(code, read_what);
    auto wait = std::clamp<Duration>(timeout, Duration::zero(), std::chrono::hours(24));
    if (until != UINT64_MAX) {
        const auto now = static_cast<std::uint64_t>(MonotonicClock::now().time_since_epoch().count());
        wait = std::min(wait, Duration(until > now ? static_cast<Duration::rep>(until - now) : 0));
    }
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
}

}  // namespace

JournalReader::JournalReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
JournalReader::JournalReader(JournalReader&&) noexcept = default;
JournalReader& JournalReader::operator=(JournalReader&&) noexcept = default;
JournalReader::~JournalReader() = default;

Result<JournalReader> JournalReader::open(const JournalQuery& query) {
    auto state = std::make_unique<State>();
    if (query.folder.empty()) {
        const int code = sd_journal_open(&state->journal, SD_JOURNAL_LOCAL_ONLY);
        if (code < 0) return fail_errno(code, "open the journal");
        PINION_CHECK(require_files(state->journal));
    } else {
        const int code = sd_journal_open_directory(&state->journal, query.folder.c_str(), 0);
        if (code < 0) return fail_errno(code, "open the journal in '" + query.folder + "'");
    }
    PINION_CHECK(add_match(state->journal, "PINION_POOL=" + query.pool));
    if (query.slot) PINION_CHECK(add_match(state->journal, "PINION_SLOT=" + std::to_string(*query.slot)));
    PINION_TRY(on_entry, seek_last(state->journal, query.last));
    state->on_entry = on_entry;
    return JournalReader(std::move(state));
}

Result<std::optional<JournalEntry>> JournalReader::next() {
    if (!std::exchange(state_->on_entry, false)) {
        const int code = sd_journal_next(state_->journal);
        if (code < 0) return fail_errno(code, read_what);
        if (code == 0) return std::nullopt;
    }
    return read_entry(state_->journal);
}

Result<void> JournalReader::wait(Duration timeout) {
    const int fd = sd_journal_get_fd(state_->journal);
    if (fd < 0) return fail_errno(fd, "watch the journal");
    // What came before the watch began would raise no event: there may be more already.
    if (!std::exchange(state_->watching, true)) return {};
    const int events = sd_journal_get_events(state_->journal);
    if (events < 0) return fail_errno(events, "watch the journal");
    PINION_TRY(milliseconds, poll_timeout(state_->journal, timeout));
    // Not sd_journal_wait, which goes on sleeping through signals.
    pollfd ready{.fd = fd, .events = static_cast<short>(events), .revents = 0};
    if (::poll(&ready, 1, milliseconds) < 0) return fail_last("watch the journal");
    if (const int code = sd_journal_process(state_->journal); code < 0) return fail_errno(code, "watch the journal");
    return {};
}

}  // namespace pinion::log
