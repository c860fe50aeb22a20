// SPDX-License-Identifier: Apache-2.0
#include "log/journal_sink.h"

#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// The place in our code is nobody's interest and would cost three fields a record.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include <cstdlib>

#include "base/text.h"
#include "log/sink.h"

namespace pinion::log {
namespace {

constexpr const char* journal_socket = "/run/systemd/journal/socket";

std::string field(std::string_view name, std::string_view value) {
    std::string text;
    text.reserve(name.size() + 1 + value.size());
    return text.append(name).append(1, '=').append(value);
}

class JournalSink final : public Sink {
public:
    Result<void> write(const Record& record) override {
        // libsystemd drops in silence, and calls it success, where there is no socket.
        if (::access(journal_socket, F_OK) < 0) return fail_last("send to the journal");
        const auto fields = journal_fields(record);
        std::vector<iovec> parts;
        parts.reserve(fields.size());
        // iovec has no const half; nothing is written through it.
        for (const auto& text : fields) parts.push_back({const_cast<char*>(text.data()), text.size()});
        const int code = sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
        if (code < 0) return fail_errno(code, "send to the journal");
        return {};
    }
};

}  // namespace

std::vector<std::string> journal_fields(const Record& record) {
    std::vector<std::string> fields;
    fields.reserve(record.fields.size() + 5);
    fields.push_back(field("PRIORITY", std::to_string(static_cast<int>(record.priority))));
    fields.push_back(field("MESSAGE", record.message));
    fields.push_back(field("SYSLOG_IDENTIFIER", record.identifier));
    if (record.kind != nullptr) {
        fields.push_back(field("MESSAGE_ID", record.kind->message_id));
        fields.push_back(field("PINION_EVENT", record.kind->event));
    }
    for (const auto& [name, value] : record.fields) fields.push_back(field(name, value));
    return fields;
}

std::unique_ptr<Sink> make_journal_sink() { return std::make_unique<JournalSink>(); }

bool stderr_is_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat info{};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &info) < 0) return false;
    return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) == stream;
}

}  // namespace pinion::log
