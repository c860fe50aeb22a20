// SPDX-License-Identifier: Apache-2.0
// RAII over the SQLite library: a connection, prepared statements, and its errors as ours. One thread a connection.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace pinion::jobs {

// What an error means for the store.
enum class DatabaseTrouble : std::uint8_t {
    none,
    full,   // no room: what failed may be tried again
    fatal,  // an fsync failed, the file is damaged, read-only or gone: nothing may be written any more
};

class Database;

// A prepared statement. Parameters and columns count from 1 and from 0, as SQLite has them.
class Statement {
public:
    Statement() = default;
    Statement& bind(int at, std::uint64_t value);
    Statement& bind(int at, std::int64_t value);
    Statement& bind(int at, std::string_view blob);  // must live until the next reset
    Statement& bind_text(int at, std::string_view text);
    Statement& bind_null(int at);

    // Steps to the next row: whether there is one. After the last, and after an error, the statement is reset.
    [[nodiscard]] Result<bool> row();
    // Runs to the end of a statement that has no rows.
    [[nodiscard]] Result<void> run();
    void reset();

    [[nodiscard]] std::uint64_t number(int column) const;
    [[nodiscard]] std::int64_t signed_number(int column) const;
    [[nodiscard]] std::string_view bytes(int column) const;  // valid until the next step
    [[nodiscard]] bool is_null(int column) const;

private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept;
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    Database* database_ = nullptr;
};

class Database {
public:
    enum class Mode : std::uint8_t { create, write, read };
    // Opens the file; `vfs` names the system layer, "" the usual one.
    [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode,
                                                                const std::string& vfs);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    [[nodiscard]] Result<void> run(const char* sql);
    // The same, of what only tidies up: where there is no room it is left for another time.
    [[nodiscard]] Result<void> tidy(const char* sql);
    [[nodiscard]] Result<Statement> prepare(std::string_view sql);
    // The one number that a query gives.
    [[nodiscard]] Result<std::int64_t> ask(const char* sql);
    [[nodiscard]] std::uint64_t changes() const;
    [[nodiscard]] bool is_read_only() const;
    // Whether the file that is open is the one at its path: what is written to another is lost with this process.
    [[nodiscard]] Result<void> check_in_place();

    enum class Checkpoint : std::uint8_t { passive, restart };
    // Copies the log into the database. Gives the pages left in the log.
    [[nodiscard]] Result<std::uint64_t> checkpoint(Checkpoint kind);
    // Pages in the log after the last commit of this connection.
    [[nodiscard]] std::uint64_t log_pages() const noexcept { return log_pages_; }

    // The worst since the last `forget_trouble`.
    [[nodiscard]] DatabaseTrouble trouble() const noexcept { return trouble_; }
    void forget_trouble() noexcept { trouble_ = DatabaseTrouble::none; }

private:
    friend class Statement;
    Database() = default;
    [[nodiscard]] std::unexpected<Error> failure(const char* what);

    sqlite3* handle_ = nullptr;
    std::string path_;
    DatabaseTrouble trouble_ = DatabaseTrouble::none;
    std::uint64_t log_pages_ = 0;
};

}  // namespace pinion::jobs
