// SPDX-License-Identifier: Apache-2.0
#include "failing_disk.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>

namespace pinion::jobs::failing_disk {
namespace {

std::atomic<Mode> now = Mode::healthy;
std::atomic<std::uint64_t> writes_since_sync = 0;
std::atomic<std::uint64_t> writes_without_room = 0;
std::atomic<std::uint64_t> synced = 0;
std::atomic<int> write_error = 0;
sqlite3_vfs* usual = nullptr;
// Of the usual layer's files; ours are the same, with two of their functions replaced.
const sqlite3_io_methods* usual_methods = nullptr;
sqlite3_io_methods methods{};

int write_or_fail(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
    if (now == Mode::full) {
        ++writes_without_room;
        return SQLITE_FULL;
    }
    ++writes_since_sync;
    return usual_methods->xWrite(file, bytes, size, at);
}

int sync_or_fail(sqlite3_file* file, int flags) {
    if (now == Mode::sync_fails) return SQLITE_IOERR_FSYNC;
    const int code = usual_methods->xSync(file, flags);
    if (code != SQLITE_OK) return code;
    writes_since_sync = 0;
    ++synced;
    return code;
}

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    if (now == Mode::read_only && (flags & SQLITE_OPEN_MAIN_DB) != 0)
        flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    const int code = usual->xOpen(usual, name, file, flags, out_flags);
    if (code == SQLITE_OK && file->pMethods == usual_methods) file->pMethods = &methods;
    return code;
}

ssize_t pwrite_or_fail(int fd, const void* bytes, size_t size, off_t at) {
    if (write_error == 0) return ::pwrite(fd, bytes, size, at);
    errno = write_error;
    return -1;
}

// Which functions a file has is known once one is open.
void learn_methods() {
    std::string space(static_cast<std::size_t>(usual->szOsFile), '\0');
    auto* file = reinterpret_cast<sqlite3_file*>(space.data());
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_TEMP_DB | SQLITE_OPEN_DELETEONCLOSE;
    ASSERT_EQ(usual->xOpen(usual, nullptr, file, flags, nullptr), SQLITE_OK);
    usual_methods = file->pMethods;
    file->pMethods->xClose(file);
    methods = *usual_methods;
    methods.xWrite = write_or_fail;
    methods.xSync = sync_or_fail;
}

}  // namespace

std::string vfs() {
    static constexpr const char* name = "failing-disk";
    now = Mode::healthy;
    if (usual != nullptr) return name;
    usual = sqlite3_vfs_find(nullptr);
    learn_methods();
    static sqlite3_vfs ours = *usual;
    ours.zName = name;
    ours.pNext = nullptr;
    ours.xOpen = open_file;
    EXPECT_EQ(sqlite3_vfs_register(&ours, 0), SQLITE_OK);
    return name;
}

void become(Mode mode) { now = mode; }

// Below the layer that is ours, so that what becomes of the errno is SQLite's own affair.
void refuse_writes(int system_error) {
    write_error = system_error;
    const auto call = reinterpret_cast<sqlite3_syscall_ptr>(pwrite_or_fail);
    for (const char* name : {"pwrite", "pwrite64"}) {
        if (usual->xGetSystemCall(usual, name) == nullptr) continue;
        ASSERT_EQ(usual->xSetSystemCall(usual, name, system_error == 0 ? nullptr : call), SQLITE_OK) << name;
    }
}

std::uint64_t unsynced_writes() { return writes_since_sync; }

std::uint64_t syncs() { return synced; }

std::uint64_t refused_writes() { return writes_without_room; }

void spoil_live_pages(const std::string& path) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
    sqlite3_stmt* statement = nullptr;
    ASSERT_EQ(
        sqlite3_prepare_v2(database, "SELECT rootpage FROM sqlite_schema WHERE name = 'live'", -1, &statement, nullptr),
        SQLITE_OK);
    ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
    const auto page = static_cast<std::streamoff>(sqlite3_column_int64(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(database);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((page - 1) * 4096);
    file.write(std::string(4096, '\x5a').data(), 4096);
}

void make_foreign_database(const std::string& path) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, "CREATE TABLE songs(name TEXT)", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
}

}  // namespace pinion::jobs::failing_disk
