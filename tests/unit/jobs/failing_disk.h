// SPDX-License-Identifier: Apache-2.0
// A system layer for SQLite that fails as disks do, when it is told to: SqliteStoreOptions::vfs names it.
#pragma once

#include <cstdint>
#include <string>

namespace pinion::jobs::failing_disk {

enum class Mode { healthy, sync_fails, full, read_only };

// The layer's name; registers it.
[[nodiscard]] std::string vfs();
// From now on, for every file that was opened through it; `read_only` for those that are opened from here on.
void become(Mode mode);
// Writes of the kernel fail so from now on, in every file of this process that SQLite writes; 0: they don't.
void refuse_writes(int system_error);
// Writes of all files since the last sync of one. Exact while one file is written: the log, below its bound.
[[nodiscard]] std::uint64_t unsynced_writes();
// Syncs of all files that went well, ever.
[[nodiscard]] std::uint64_t syncs();
// Writes that found no room, ever.
[[nodiscard]] std::uint64_t refused_writes();

// Overwrites the page that all searches for what waits begin at.
void spoil_live_pages(const std::string& path);
// A database of somebody else's.
void make_foreign_database(const std::string& path);

}  // namespace pinion::jobs::failing_disk
