// SPDX-License-Identifier: Apache-2.0
// The tables of the store, their version, and the way forward from older ones.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "jobs/store_database.h"

namespace pinion::jobs {

// The migrations in order: the n-th leads from schema n to n + 1; 0 is an empty file.
[[nodiscard]] std::span<const char* const> schema_steps() noexcept;

// Opens the database for writing, made if there is none, in WAL, and brings it to the newest schema in one transaction.
// Errors, all without a change to the file: it is no database, of another program, of a newer version, damaged,
// read-only.
[[nodiscard]] Result<std::unique_ptr<Database>> open_for_writing(const std::string& path, const std::string& vfs);

// The same against other steps, for tests of migration.
[[nodiscard]] Result<std::unique_ptr<Database>> open_with_steps(const std::string& path, const std::string& vfs,
                                                                std::span<const char* const> steps);

}  // namespace pinion::jobs
