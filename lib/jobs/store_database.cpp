// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_database.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace pinion::jobs {
namespace {

DatabaseTrouble trouble_of(int code, int system_error) {
    switch (code & 0xff) {
        case SQLITE_FULL: return DatabaseTrouble::full;
        case SQLITE_IOERR:
            if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) return DatabaseTrouble::fatal;
            return system_error == ENOSPC || system_error == EDQUOT ? DatabaseTrouble::full : DatabaseTrouble::fatal;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
        case SQLITE_NOMEM: return DatabaseTrouble::fatal;
        default: return DatabaseTrouble::none;
    }
}

// As an errno: what kinds of trouble SQLite knows have one each.
int code_of(int code, int system_error) {
    switch (code & 0xff) {
        case SQLITE_FULL: return ENOSPC;
        case SQLITE_CORRUPT: return EUCLEAN;
        case SQLITE_NOTADB: return EMEDIUMTYPE;
        case SQLITE_READONLY: return EROFS;
        case SQLITE_NOMEM: return ENOMEM;
        case SQLITE_IOERR: return system_error == 0 ? EIO : system_error == EDQUOT ? ENOSPC : system_error;
        default: return system_error;
    }
}

// What the kernel said. Of a COMMIT the connection does not know it, or only that of an earlier failure: the log does,
// which is all that it writes and syncs.
int system_error_of(int code, sqlite3* handle) {
    if (handle == nullptr) return ENOMEM;
    int system_error = 0;
    sqlite3_file* log = nullptr;
    if ((code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_FSYNC) &&
        sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log)) == SQLITE_OK &&
        log != nullptr && log->pMethods != nullptr)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &system_error);
    return system_error != 0 ? system_error : sqlite3_system_errno(handle);
}

// The cause in our words; SQLite's own text for what has none.
std::string cause(int code, int system_error, sqlite3* handle) {
    switch (code & 0xff) {
        case SQLITE_FULL: return "the disk is full";
        case SQLITE_NOTADB: return "it is no database of jobs: the file has another format";
        case SQLITE_CORRUPT: return "the database is damaged";
        case SQLITE_READONLY: return "the database is read-only";
        case SQLITE_BUSY: return "another process holds the database";
        case SQLITE_IOERR:
            if (code == SQLITE_IOERR_FSYNC)
                return "fsync failed: " + errno_text(system_error == 0 ? EIO : system_error);
            return system_error == 0 ? "input or output failed" : errno_text(system_error);
        case SQLITE_CANTOPEN: return system_error == 0 ? "it can't be opened" : errno_text(system_error);
        default: return handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle);
    }
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

Statement& Statement::bind(int at, std::uint64_t value) { return bind(at, static_cast<std::int64_t>(value)); }
Statement& Statement::bind(int at, std::int64_t value) {
    ASSERT(sqlite3_bind_int64(statement_.get(), at, value) == SQLITE_OK);
    return *this;
}
Statement& Statement::bind(int at, std::string_view blob) {
    // A null pointer would bind NULL, not the empty value.
    const char* data = blob.data() == nullptr ? "" : blob.data();
    ASSERT(sqlite3_bind_blob64(statement_.get(), at, data, blob.size(), SQLITE_STATIC) == SQLITE_OK);
    return *this;
}
Statement& Statement::bind_text(int at, std::string_view text) {
    const char* data = text.data() == nullptr ? "" : text.data();
    ASSERT(sqlite3_bind_text64(statement_.get(), at, data, text.size(), SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK);
    return *this;
}
Statement& Statement::bind_null(int at) {
    ASSERT(sqlite3_bind_null(statement_.get(), at) == SQLITE_OK);
    return *this;
}

Result<bool> Statement::row() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) {
        sqlite3_reset(statement_.get());
        return false;
    }
    auto failed = database_->failure("access");
    sqlite3_reset(statement_.get());
    return failed;
}

Result<void> Statement::run() {
    PINION_TRY(more, row());
    ASSERT(!more);
    return {};
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

std::uint64_t Statement::number(int column) const { return static_cast<std::uint64_t>(signed_number(column)); }
std::int64_t Statement::signed_number(int column) const { return sqlite3_column_int64(statement_.get(), column); }
std::string_view Statement::bytes(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return data == nullptr ? std::string_view{} : std::string_view{data, size};
}
bool Statement::is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode, const std::string& vfs) {
    std::unique_ptr<Database> database(new Database);
    database->path_ = path;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    if (mode == Mode::create) flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (mode == Mode::write) flags |= SQLITE_OPEN_READWRITE;
    if (mode == Mode::read) flags |= SQLITE_OPEN_READONLY;
    const int code = sqlite3_open_v2(path.c_str(), &database->handle_, flags, vfs.empty() ? nullptr : vfs.c_str());
    if (code != SQLITE_OK) return database->failure("open");
    sqlite3_busy_timeout(database->handle_, 5000);
    // In place of SQLite's own, which copies the log in the middle of a commit (as `PRAGMA wal_autocheckpoint` would be
    // in place of this one): a thread of the store's does.
    sqlite3_wal_hook(
        database->handle_,
        [](void* self, sqlite3*, const char*, int pages) {
            static_cast<Database*>(self)->log_pages_ = static_cast<std::uint64_t>(std::max(pages, 0));
            return SQLITE_OK;
        },
        database.get());
    return database;
}

Database::~Database() { sqlite3_close_v2(handle_); }

std::unexpected<Error> Database::failure(const char* what) {
    const int code = handle_ == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(handle_);
    const int system_error = system_error_of(code, handle_);
    trouble_ = std::max(trouble_, trouble_of(code, system_error));
    auto failed = fail(std::string(what) + " '" + path_ + "': " + cause(code, system_error, handle_));
    failed.error().code = code_of(code, system_error);
    return failed;
}

Result<void> Database::run(const char* sql) {
    if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure("access");
    return {};
}

Result<void> Database::tidy(const char* sql) {
    auto done = run(sql);
    if (done || trouble_ != DatabaseTrouble::full) return done;
    forget_trouble();
    return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* raw = nullptr;
    const int code =
        sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (code != SQLITE_OK) return failure("access");
    Statement statement;
    statement.statement_.reset(raw);
    statement.database_ = this;
    return statement;
}

Result<std::int64_t> Database::ask(const char* sql) {
    PINION_TRY(statement, prepare(sql));
    PINION_TRY(found, statement.row());
    return found ? statement.signed_number(0) : 0;
}

std::uint64_t Database::changes() const { return static_cast<std::uint64_t>(sqlite3_changes64(handle_)); }
Result<void> Database::check_in_place() {
    int moved = 0;
    const int code = sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (code != SQLITE_OK || moved == 0) return {};
    trouble_ = DatabaseTrouble::fatal;
    return std::unexpected(Error{ENOENT, "access '" + path_ + "': it was removed, or another file is in its place"});
}

bool Database::is_read_only() const { return sqlite3_db_readonly(handle_, "main") == 1; }

Result<std::uint64_t> Database::checkpoint(Checkpoint kind) {
    int pages = 0;
    int copied = 0;
    const int mode = kind == Checkpoint::restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
    const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, mode, &pages, &copied);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) return failure("checkpoint");
    return static_cast<std::uint64_t>(std::max(0, pages - copied));
}

}  // namespace pinion::jobs
