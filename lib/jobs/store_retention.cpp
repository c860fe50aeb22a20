// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_retention.h"

#include <utility>

#include "jobs/store_writer.h"
#include "model/job_limits.h"
#include "model/job_policy.h"

namespace pinion::jobs {
namespace {

// The jobs of a slice are listed in a table of this connection, in memory; it is empty between slices.
constexpr const char* set_up = R"sql(
CREATE TEMP TABLE leaving(id INTEGER PRIMARY KEY);
DELETE FROM main.maps WHERE name IS NOT NULL AND name NOT GLOB 'inputs-*'
    AND NOT EXISTS (SELECT 1 FROM main.items WHERE items.map = maps.id);
)sql";

// In this order: a map goes when its last item has gone, and which items and keys those are stands in `inputs`.
constexpr const char* drops[] = {
    "DELETE FROM items WHERE (map, item) IN (SELECT map, item FROM inputs WHERE id IN temp.leaving AND map <> 0)",
    // In the other order SQLite 3.40 would look through all keys of the pool.
    "DELETE FROM keys WHERE (key, pool) IN (SELECT key, pool FROM inputs WHERE id IN temp.leaving AND key IS NOT NULL)",
    "DELETE FROM maps WHERE id IN (SELECT map FROM inputs WHERE id IN temp.leaving)"
    " AND sealed AND name IS NOT NULL AND name NOT GLOB 'inputs-*'"
    " AND NOT EXISTS (SELECT 1 FROM items WHERE items.map = maps.id)",
    "DELETE FROM attempts WHERE job IN temp.leaving",
    "DELETE FROM inputs WHERE id IN temp.leaving",
    "DELETE FROM finished WHERE id IN temp.leaving",
    "DELETE FROM temp.leaving",
};

constexpr const char* files_of_leaving =
    "SELECT file FROM finished WHERE id IN temp.leaving AND file IS NOT NULL"
    " UNION ALL SELECT file FROM inputs WHERE id IN temp.leaving AND file IS NOT NULL";

}  // namespace

std::uint64_t slice_rows(bool busy, std::uint64_t ended) noexcept {
    return busy ? limits::expire_rows / 10 + 2 * ended : limits::expire_rows;
}

Result<std::unique_ptr<Retention>> Retention::make(Database& database) {
    std::unique_ptr<Retention> retention(new Retention(database));
    PINION_CHECK(database.run(set_up));
    PINION_CHECK(retention->prepare());
    return retention;
}

Result<void> Retention::prepare() {
    const std::string drop_files = std::string("DELETE FROM files WHERE name IN (") + files_of_leaving + ")";
    const std::pair<Statement*, std::string> all[] = {
        {&declare_, "INSERT INTO pools(name, retention) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET retention = ?2"},
        {&pools_, "SELECT id, retention FROM pools"},
        {&choose_,
         "INSERT INTO temp.leaving SELECT id FROM finished WHERE pool = ?1 AND ended < ?2 ORDER BY ended LIMIT ?3"},
        {&files_, files_of_leaving},
        {&drop_files_, drop_files},
    };
    for (const auto& [statement, sql] : all) {
        PINION_TRY(prepared, database_->prepare(sql));
        *statement = std::move(prepared);
    }
    for (const char* sql : drops) {
        PINION_TRY(prepared, database_->prepare(sql));
        drops_.push_back(std::move(prepared));
    }
    return {};
}

Result<void> Retention::note_declared() {
    while (!pending_.empty()) {
        auto next = pending_.extract(pending_.begin());
        declare_.bind_text(1, next.key()).bind(2, std::int64_t{next.mapped().count()});
        written_[next.key()] = next.mapped();
        PINION_CHECK(declare_.run());
    }
    return {};
}

void Retention::roll_back() {
    pending_.merge(written_);  // what was declared since stays
    written_.clear();
}

// Rolled back with the rest where the transaction is, as all tables of a connection are.
Result<std::uint64_t> Retention::choose(WallTime now, std::uint64_t rows) {
    std::vector<std::pair<std::uint64_t, Duration>> pools;
    for (;;) {
        PINION_TRY(more, pools_.row());
        if (!more) break;
        const Duration keeps = pools_.is_null(1) ? QueuePolicy{}.retention : Duration(pools_.signed_number(1));
        pools.emplace_back(pools_.number(0), keeps);
    }
    std::uint64_t chosen = 0;
    for (const auto& [pool, keeps] : pools) {
        choose_.bind(1, pool).bind(2, to_micros(now - keeps)).bind(3, rows - chosen);
        PINION_CHECK(choose_.run());
        if ((chosen += database_->changes()) >= rows) break;
    }
    return chosen;
}

Result<void> Retention::list_files(std::vector<std::string>& files) {
    for (;;) {
        PINION_TRY(more, files_.row());
        if (!more) return {};
        files.emplace_back(files_.bytes(0));
    }
}

Result<std::uint64_t> Retention::forget(WallTime now, std::uint64_t rows, std::vector<std::string>& files) {
    PINION_CHECK(note_declared());
    PINION_TRY(chosen, choose(now, rows));
    if (chosen == 0) return chosen;
    PINION_CHECK(list_files(files));
    if (!files.empty()) PINION_CHECK(drop_files_.run());
    for (Statement& drop : drops_) PINION_CHECK(drop.run());
    return chosen;
}

}  // namespace pinion::jobs
