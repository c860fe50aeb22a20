// SPDX-License-Identifier: Apache-2.0
#include "daemon/ledger_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/fd.h"
#include "base/text.h"
#include "model/limits.h"

namespace pinion::daemon {

LedgerStore::LedgerStore(std::string folder, std::string boot)
    : path_(std::move(folder) + "/ledger"), boot_(std::move(boot)) {}

Result<std::optional<cpu::LedgerFile>> LedgerStore::read() const {
    const auto text = read_file(path_, limits::max_ledger_bytes);
    if (!text && text.error().code == ENOENT) return std::nullopt;
    if (!text) return std::unexpected(text.error());
    auto ledger = cpu::parse_ledger(*text);
    if (!ledger) return in_context("read '" + path_ + "'", std::move(ledger).error());
    if (ledger->boot != boot_) return fail("read '" + path_ + "': it is of another boot");
    return *std::move(ledger);
}

Result<void> LedgerStore::write(cpu::LedgerFile ledger) {
    ledger.boot = boot_;
    std::string text = cpu::to_text(ledger);
    if (text == written_) return {};
    if (text.size() > limits::max_ledger_bytes) return fail_errno(EFBIG, "write '" + path_ + "'");
    const std::string fresh = path_ + ".new";
    {
        PINION_TRY(file, open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
        if (auto done = write_all(file.fd(), text); !done)
            return in_context("write '" + fresh + "'", std::move(done).error());
    }
    if (::rename(fresh.c_str(), path_.c_str()) < 0) return fail_last("rename '" + fresh + "'");
    written_ = std::move(text);
    return {};
}

std::string read_boot_id() {
    const auto id = read_file("/proc/sys/kernel/random/boot_id", 64);
    return id ? std::string(trim(*id)) : "unknown";
}

}  // namespace pinion::daemon
