// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_schema.h"

#include <array>
#include <cerrno>

namespace pinion::jobs {
namespace {

// "Pinj", in the file's header, so that `file` and we know whose it is.
constexpr std::int64_t application_id = 0x50696e6a;

// What waits and what was put in are apart from what came out: `live` is small, so that a start reads it at once;
// `inputs` and `finished` are only added to at their ends. Times are microseconds since 1970.
constexpr const char* first_schema = R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE pools(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, mode INTEGER NOT NULL DEFAULT 0);
CREATE TABLE maps(id INTEGER PRIMARY KEY AUTOINCREMENT, pool INTEGER NOT NULL, name TEXT, fail_fast INTEGER NOT NULL,
                  sealed INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX map_names ON maps(pool, name) WHERE name IS NOT NULL;
CREATE TABLE live(id INTEGER PRIMARY KEY, pool INTEGER NOT NULL, map INTEGER NOT NULL, priority INTEGER NOT NULL,
                  attempts INTEGER NOT NULL, claimed INTEGER NOT NULL, due INTEGER NOT NULL, size INTEGER NOT NULL);
CREATE TABLE inputs(id INTEGER PRIMARY KEY, pool INTEGER NOT NULL, map INTEGER NOT NULL, item INTEGER NOT NULL,
                    priority INTEGER NOT NULL, queued INTEGER NOT NULL, retry_of INTEGER NOT NULL, key TEXT, file TEXT,
                    payload BLOB);
CREATE TABLE keys(pool INTEGER NOT NULL, key TEXT NOT NULL, job INTEGER NOT NULL, PRIMARY KEY(pool, key)) WITHOUT ROWID;
CREATE TABLE items(map INTEGER NOT NULL, item INTEGER NOT NULL, job INTEGER NOT NULL, hash INTEGER NOT NULL,
                   PRIMARY KEY(map, item)) WITHOUT ROWID;
CREATE TABLE attempts(job INTEGER NOT NULL, number INTEGER NOT NULL, outcome INTEGER NOT NULL, slot INTEGER NOT NULL,
                      started INTEGER NOT NULL, ended INTEGER NOT NULL, detail TEXT, PRIMARY KEY(job, number)) WITHOUT ROWID;
CREATE TABLE finished(id INTEGER PRIMARY KEY, pool INTEGER NOT NULL, state INTEGER NOT NULL, ended INTEGER NOT NULL,
                      number INTEGER NOT NULL, outcome INTEGER NOT NULL, slot INTEGER NOT NULL, started INTEGER NOT NULL,
                      detail TEXT, file TEXT, result BLOB);
CREATE INDEX finished_by_age ON finished(pool, ended);
CREATE TABLE files(name TEXT PRIMARY KEY, job INTEGER NOT NULL) WITHOUT ROWID;
)sql";

// How long what finished is kept, in microseconds, which a pool that left the configuration can't say any more.
constexpr const char* retention_of_pools = "ALTER TABLE pools ADD COLUMN retention INTEGER";

// A map remembers that it was cancelled, how many items it was given (of older ones, the last that is kept tells), and
// whether it goes on though it has no name and no client (older ones did, and must not lose what was acknowledged).
constexpr const char* maps_that_remember = R"sql(
ALTER TABLE maps ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE maps ADD COLUMN given INTEGER NOT NULL DEFAULT 0;
ALTER TABLE maps ADD COLUMN goes_on INTEGER NOT NULL DEFAULT 0;
UPDATE maps SET given = (SELECT coalesce(max(item) + 1, 0) FROM items WHERE items.map = maps.id),
    goes_on = name IS NULL WHERE sealed;
)sql";

// Who paused or resumed a queue, and when; not known of what older versions did.
constexpr const char* modes_with_a_name = R"sql(
ALTER TABLE pools ADD COLUMN mode_by TEXT NOT NULL DEFAULT '';
ALTER TABLE pools ADD COLUMN mode_at INTEGER NOT NULL DEFAULT 0;
)sql";

constexpr std::array<const char*, 4> steps{first_schema, retention_of_pools, maps_that_remember, modes_with_a_name};

Result<void> check_owner(Database& database, const std::string& path, std::size_t newest) {
    PINION_TRY(owner, database.ask("PRAGMA application_id"));
    PINION_TRY(version, database.ask("PRAGMA user_version"));
    PINION_TRY(tables, database.ask("SELECT count(*) FROM sqlite_schema"));
    if (owner != application_id && (owner != 0 || version != 0 || tables != 0))
        return std::unexpected(Error{EMEDIUMTYPE, "open '" + path + "': the database belongs to another program"});
    if (version < 0 || static_cast<std::size_t>(version) > newest)
        return fail("open '" + path + "': it was written by a newer pinion (schema " + std::to_string(version) +
                    ", this one knows " + std::to_string(newest) + ")");
    if (database.is_read_only()) {
        auto failed = fail("open '" + path + "': the database is read-only");
        failed.error().code = EROFS;
        return failed;
    }
    return {};
}

Result<void> migrate(Database& database, std::span<const char* const> all) {
    PINION_TRY(version, database.ask("PRAGMA user_version"));
    if (static_cast<std::size_t>(version) == all.size()) return {};
    PINION_CHECK(database.run("BEGIN IMMEDIATE"));
    for (const char* step : all.subspan(static_cast<std::size_t>(version))) PINION_CHECK(database.run(step));
    const std::string marks = "PRAGMA application_id = " + std::to_string(application_id) +
                              "; PRAGMA user_version = " + std::to_string(all.size()) + "; COMMIT";
    return database.run(marks.c_str());
}

}  // namespace

std::span<const char* const> schema_steps() noexcept { return steps; }

Result<std::unique_ptr<Database>> open_for_writing(const std::string& path, const std::string& vfs) {
    return open_with_steps(path, vfs, steps);
}

Result<std::unique_ptr<Database>> open_with_steps(const std::string& path, const std::string& vfs,
                                                  std::span<const char* const> all) {
    PINION_TRY(database, Database::open(path, Database::Mode::create, vfs));
    PINION_CHECK(check_owner(*database, path, all.size()));
    PINION_CHECK(
        database->run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;"
                      "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF"));
    PINION_CHECK(migrate(*database, all));
    return database;
}

}  // namespace pinion::jobs
