// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_retention.h"

#include <utility>

#include "jobs/store_writer.h"
#include "model/job_limits.h"
#include "model/job_policy.h"

namespace pinion::jobs {
namespace {

// The jobs of a slice are listed in a table of this connection, in memory.
constexpr const char* set_up = "CREATE TEMP TABLE leaving(id INTEGER PRIMARY KEY)";

// Of which no item is kept, and that need not be remembered for good.
std::string drop_empty_maps() {
    return "DELETE FROM main.maps WHERE name IS NOT NULL AND name NOT GLOB '" + std::string(inputs_map_prefix) +
           "*' AND NOT EXISTS (SELECT 1 FROM main.items WHERE items.map = maps.id)";
}

// In this order: a map goes when its last item has gone, and which items and keys those are stands in `inputs`.
std::vector<std::string> drops() {
    return {
        "DELETE FROM items WHERE (map, item) IN (SELECT map, item FROM inputs WHERE id IN temp.leaving AND map <> 0)",
        // In the other order SQLite 3.40 would look through all keys of the pool.
        "DELETE FROM keys WHERE (key, pool) IN (SELECT key, pool FROM inputs WHERE id IN temp.leaving AND key IS NOT "
        "NULL)",
        drop_empty_maps() + " AND (sealed OR cancelled) AND id IN (SELECT map FROM inputs WHERE id IN temp.leaving)",
        "DELETE FROM attempts WHERE job IN temp.leaving",
        "DELETE FROM inputs WHERE id IN temp.leaving",
        "DELETE FROM finished WHERE id IN temp.leaving",
    };
}

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
    PINION_CHECK(database.tidy(drop_empty_maps().c_str()));
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
        {&forget_choice_, "DELETE FROM temp.leaving"},
    };
    for (const auto& [statement, sql] : all) {
        PINION_TRY(prepared, database_->prepare(sql));
        *statement = std::move(prepared);
    }
    for (const std::string& sql : drops()) {
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

Result<std::map<std::uint64_t, Duration>> Retention::pools() {
    std::map<std::uint64_t, Duration> keeps;
    for (;;) {
        PINION_TRY(more, pools_.row());
        if (!more) return keeps;
        keeps[pools_.number(0)] = pools_.is_null(1) ? QueuePolicy{}.retention : Duration(pools_.signed_number(1));
    }
}

Result<Retention::Slice> Retention::choose(WallTime now, std::uint64_t rows) {
    PINION_CHECK(forget_choice_.run());  // of a slice that failed
    PINION_TRY(known, pools());
    Slice slice;
    for (const auto& [pool, keeps] : known) {
        choose_.bind(1, pool).bind(2, to_micros(now - keeps)).bind(3, rows - slice.jobs);
        PINION_CHECK(choose_.run());
        slice.jobs += database_->changes();
    }
    while (slice.jobs > 0) {
        PINION_TRY(more, files_.row());
        if (!more) break;
        slice.files.emplace_back(files_.bytes(0));
    }
    return slice;
}

Result<void> Retention::forget(const Slice& slice) {
    if (slice.jobs == 0) return {};
    if (!slice.files.empty()) PINION_CHECK(drop_files_.run());
    for (Statement& drop : drops_) PINION_CHECK(drop.run());
    return {};
}

}  // namespace pinion::jobs
