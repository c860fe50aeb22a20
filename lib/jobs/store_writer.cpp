// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace pinion::jobs {

std::int64_t to_micros(WallTime time) noexcept { return time.time_since_epoch().count(); }
WallTime from_micros(std::int64_t micros) noexcept { return WallTime(Duration(micros)); }

std::uint64_t input_hash(std::string_view input) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : input) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash;
}

namespace {

std::uint64_t hash_of(const Stowed& payload) { return payload.file.empty() ? input_hash(payload.bytes) : payload.hash; }

}  // namespace

Result<std::unique_ptr<StoreWriter>> StoreWriter::make(Database& database) {
    std::unique_ptr<StoreWriter> writer(new StoreWriter(database));
    PINION_CHECK(writer->prepare());
    // Ids go on after the reserved ones, whether they were given or not: none is ever given twice, forgotten ones
    // included.
    PINION_TRY(reserved, database.ask("SELECT value FROM meta WHERE name = 'ids'"));
    writer->next_id_ = static_cast<std::uint64_t>(std::max<std::int64_t>(reserved, 1));
    writer->reserved_ = writer->reserved_in_transaction_ = writer->next_id_;
    return writer;
}

Result<void> StoreWriter::prepare() {
    const std::pair<Statement*, const char*> all[] = {
        {&find_pool_, "SELECT id FROM pools WHERE name = ?1"},
        {&add_pool_, "INSERT INTO pools(name) VALUES(?1) RETURNING id"},
        {&add_live_, "INSERT INTO live VALUES(?1, ?2, ?3, ?4, 0, 0, ?5, ?6)"},
        {&add_input_, "INSERT INTO inputs VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"},
        {&find_key_, "SELECT job FROM keys WHERE pool = ?1 AND key = ?2"},
        {&add_key_, "INSERT INTO keys VALUES(?1, ?2, ?3)"},
        {&find_item_, "SELECT job, hash FROM items WHERE map = ?1 AND item = ?2"},
        {&add_item_, "INSERT INTO items VALUES(?1, ?2, ?3, ?4)"},
        {&add_file_, "INSERT INTO files VALUES(?1, ?2)"},
        {&claim_, "UPDATE live SET claimed = ?2 WHERE id = ?1"},
        {&retry_, "UPDATE live SET attempts = ?2, claimed = 0, due = ?3 WHERE id = ?1"},
        {&add_attempt_, "INSERT OR REPLACE INTO attempts VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
        {&find_live_, "SELECT pool FROM live WHERE id = ?1"},
        {&drop_live_, "DELETE FROM live WHERE id = ?1"},
        {&add_finished_, "INSERT INTO finished VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"},
        {&find_map_, "SELECT name IS NOT NULL, cancelled, fail_fast FROM maps WHERE id = ?1"},
        {&map_by_name_, "SELECT id, fail_fast, sealed, given FROM maps WHERE pool = ?1 AND name = ?2"},
        {&add_map_, "INSERT INTO maps(pool, name, fail_fast) VALUES(?1, ?2, ?3) RETURNING id"},
        {&count_items_, "SELECT count(*) FROM items WHERE map = ?1"},
        {&seal_, "UPDATE maps SET sealed = 1, given = max(given, ?2), goes_on = ?3 WHERE id = ?1"},
        {&drop_map_, "DELETE FROM maps WHERE id = ?1 AND name IS NULL"},
        {&cancel_map_, "UPDATE maps SET cancelled = 1 WHERE id = ?1"},
        {&set_mode_, "UPDATE pools SET mode = ?2, mode_by = ?3, mode_at = ?4 WHERE id = ?1"},
        {&reserve_, "INSERT INTO meta VALUES('ids', ?1) ON CONFLICT DO UPDATE SET value = ?1"},
        {&probe_, "INSERT INTO meta VALUES('probe', 1) ON CONFLICT DO UPDATE SET value = value + 1"},
    };
    for (const auto& [statement, sql] : all) {
        auto prepared = database_->prepare(sql);
        if (!prepared) return std::unexpected(std::move(prepared).error());
        *statement = std::move(*prepared);
    }
    return {};
}

Result<void> StoreWriter::apply(const StowedRequest& request, WallTime now, std::vector<StoreAnswer>& answers) {
    now_ = now;
    answers_ = &answers;
    return std::visit([&](const auto& r) { return on(r, request); }, request.request);
}

Result<std::uint64_t> StoreWriter::pool_number(JobPoolId pool) {
    if (const auto known = numbers_.find(pool); known != numbers_.end()) return known->second;
    const auto name = names_.find(pool);
    if (name == names_.end()) return fail("write to the job store: a pool that it was never told of");
    find_pool_.bind_text(1, name->second);
    PINION_TRY(found, find_pool_.row());
    if (!found) {
        add_pool_.bind_text(1, name->second);
        PINION_TRY(added, add_pool_.row());
        ASSERT(added);
        numbers_[pool] = add_pool_.number(0);
        add_pool_.reset();
        return numbers_[pool];
    }
    numbers_[pool] = find_pool_.number(0);
    find_pool_.reset();
    return numbers_[pool];
}

void StoreWriter::roll_back() {
    numbers_.clear();
    maps_.clear();
    unused_files_.clear();
    reserved_in_transaction_ = reserved_;
}

std::vector<std::string> StoreWriter::committed() {
    reserved_ = reserved_in_transaction_;
    return std::exchange(unused_files_, {});
}

Result<void> StoreWriter::probe() { return probe_.run(); }

Result<void> StoreWriter::reserve_ids() {
    if (next_id_ + limits::id_block / 2 < reserved_in_transaction_) return {};
    reserved_in_transaction_ = next_id_ + limits::id_block;
    reserve_.bind(1, reserved_in_transaction_);
    return reserve_.run();
}

Result<StoreWriter::MapTraits> StoreWriter::traits(MapId map) {
    if (map.value == 0) return MapTraits{};
    if (const auto known = maps_.find(map); known != maps_.end()) return known->second;
    if (maps_.size() > 10'000) maps_.clear();
    find_map_.bind(1, map.value);
    PINION_TRY(found, find_map_.row());
    const MapTraits traits{.named = found && find_map_.number(0) != 0,
                           .cancelled = found && find_map_.number(1) != 0,
                           .fail_fast = found && find_map_.number(2) != 0};
    find_map_.reset();
    return maps_[map] = traits;
}

Result<bool> StoreWriter::is_named(MapId map) {
    PINION_TRY(known, traits(map));
    return known.named;
}

// An item that is there with another input makes the whole request wrong, before anything of it is applied.
Result<std::optional<std::string>> StoreWriter::objection(const Enqueue& request, const StowedRequest& whole) {
    for (std::size_t i = 0; i < request.jobs.size(); ++i) {
        const NewJob& job = request.jobs[i];
        PINION_TRY(named, is_named(job.map));
        if (!named) continue;
        find_item_.bind(1, job.map.value).bind(2, job.index);
        PINION_TRY(found, find_item_.row());
        if (!found) continue;
        const bool same = find_item_.number(1) == hash_of(whole.stowed[i]);
        find_item_.reset();
        if (!same)
            return std::optional("submit: the map has other inputs: item " + std::to_string(job.index) + " differs");
    }
    return std::optional<std::string>();
}

Result<void> StoreWriter::on(const Enqueue& request, const StowedRequest& whole) {
    PINION_TRY(wrong, objection(request, whole));
    if (wrong) {
        for (const Stowed& part : whole.stowed)
            if (!part.file.empty()) unused_files_.push_back(part.file);
        answers_->push_back(Enqueued{request.token, fail(*wrong)});
        return {};
    }
    std::vector<PlacedJob> placed;
    placed.reserve(request.jobs.size());
    for (std::size_t i = 0; i < request.jobs.size(); ++i) {
        PINION_TRY(one, place(request.jobs[i], whole.stowed[i]));
        placed.push_back(one);
    }
    answers_->push_back(Enqueued{request.token, std::move(placed)});
    return {};
}

Result<std::optional<JobId>> StoreWriter::known(const NewJob& job, std::uint64_t pool) {
    PINION_TRY(named, is_named(job.map));
    if (named) {
        find_item_.bind(1, job.map.value).bind(2, job.index);
        PINION_TRY(found, find_item_.row());
        if (!found) return std::optional<JobId>();
        const JobId id{find_item_.number(0)};
        find_item_.reset();
        return std::optional(id);
    }
    if (job.key.empty()) return std::optional<JobId>();
    find_key_.bind(1, pool).bind_text(2, job.key);
    PINION_TRY(found, find_key_.row());
    if (!found) return std::optional<JobId>();
    const JobId id{find_key_.number(0)};
    find_key_.reset();
    return std::optional(id);
}

Result<PlacedJob> StoreWriter::place(const NewJob& job, const Stowed& payload) {
    PINION_TRY(pool, pool_number(job.pool));
    PlacedJob placed{
        .pool = job.pool, .map = job.map, .priority = job.priority, .size = payload.size, .not_before = job.not_before};
    PINION_TRY(there, known(job, pool));
    if (there) {
        placed.id = *there;
        placed.existing = true;
        if (!payload.file.empty()) unused_files_.push_back(payload.file);
        return placed;
    }
    PINION_TRY(map, traits(job.map));
    placed.cancelled = map.cancelled;
    placed.fail_fast = map.fail_fast;
    PINION_CHECK(reserve_ids());
    placed.id = JobId{next_id_++};
    PINION_CHECK(insert(placed.id, job, payload, pool));
    return placed;
}

Result<void> StoreWriter::insert(JobId id, const NewJob& job, const Stowed& payload, std::uint64_t pool) {
    add_live_.bind(1, id.value).bind(2, pool).bind(3, job.map.value).bind(4, std::uint64_t{job.priority});
    add_live_.bind(5, to_micros(job.not_before)).bind(6, std::uint64_t{payload.size});
    PINION_CHECK(add_live_.run());
    add_input_.bind(1, id.value).bind(2, pool).bind(3, job.map.value).bind(4, job.index);
    add_input_.bind(5, std::uint64_t{job.priority}).bind(6, to_micros(now_)).bind(7, job.retry_of.value);
    job.key.empty() ? add_input_.bind_null(8) : add_input_.bind_text(8, job.key);
    if (payload.file.empty())
        add_input_.bind_null(9).bind(10, payload.bytes);
    else
        add_input_.bind_text(9, payload.file).bind_null(10);
    PINION_CHECK(add_input_.run());
    PINION_CHECK(keep_file(id, payload.file));
    PINION_TRY(named, is_named(job.map));
    if (named) {
        add_item_.bind(1, job.map.value).bind(2, job.index).bind(3, id.value).bind(4, hash_of(payload));
        return add_item_.run();
    }
    if (job.key.empty()) return {};
    add_key_.bind(1, pool).bind_text(2, job.key).bind(3, id.value);
    return add_key_.run();
}

Result<void> StoreWriter::keep_file(JobId job, const std::string& file) {
    if (file.empty()) return {};
    add_file_.bind_text(1, file).bind(2, job.value);
    return add_file_.run();
}

Result<void> StoreWriter::on(const NoteClaim& request, const StowedRequest&) {
    claim_.bind(1, request.job.value).bind(2, std::uint64_t{request.number});
    PINION_CHECK(claim_.run());
    if (request.token) answers_->push_back(Claimed{*request.token});
    return {};
}

Result<void> StoreWriter::on(const VoidClaim& request, const StowedRequest&) {
    claim_.bind(1, request.job.value).bind(2, std::uint64_t{0});
    return claim_.run();
}

Result<void> StoreWriter::note_attempt(JobId job, const AttemptRow& attempt) {
    add_attempt_.bind(1, job.value)
        .bind(2, std::uint64_t{attempt.number})
        .bind(3, static_cast<std::uint64_t>(attempt.outcome));
    add_attempt_.bind(4, std::uint64_t{attempt.slot})
        .bind(5, to_micros(attempt.started))
        .bind(6, to_micros(attempt.ended));
    add_attempt_.bind_text(7, attempt.detail);
    return add_attempt_.run();
}

Result<void> StoreWriter::on(const NoteRetry& request, const StowedRequest&) {
    retry_.bind(1, request.job.value).bind(2, std::uint64_t{request.attempt.number}).bind(3, to_micros(request.due));
    PINION_CHECK(retry_.run());
    if (database_->changes() == 0) return {};
    return note_attempt(request.job, request.attempt);
}

Result<void> StoreWriter::on(const NoteFinish& request, const StowedRequest& whole) {
    Finished answer{request.job, {}};
    find_live_.bind(1, request.job.value);
    PINION_TRY(there, find_live_.row());
    if (there) {  // else it has its end already, and keeps it
        const std::uint64_t pool = find_live_.number(0);
        find_live_.reset();
        drop_live_.bind(1, request.job.value);
        PINION_CHECK(drop_live_.run());
        const AttemptRow& attempt = request.attempt;
        const Stowed& result = whole.stowed.back();
        add_finished_.bind(1, request.job.value).bind(2, pool).bind(3, static_cast<std::uint64_t>(request.state));
        add_finished_.bind(4, to_micros(now_)).bind(5, std::uint64_t{attempt.number});
        add_finished_.bind(6, static_cast<std::uint64_t>(attempt.outcome)).bind(7, std::uint64_t{attempt.slot});
        add_finished_.bind(8, to_micros(attempt.started)).bind_text(9, attempt.detail);
        if (result.file.empty())
            add_finished_.bind_null(10).bind(11, result.bytes);
        else
            add_finished_.bind_text(10, result.file).bind_null(11);
        PINION_CHECK(add_finished_.run());
        PINION_CHECK(keep_file(request.job, result.file));
        for (std::size_t i = 0; i < request.pushes.size(); ++i) {
            PINION_TRY(pushed, place(request.pushes[i], whole.stowed[i]));
            answer.pushed.push_back(pushed);
        }
        if (request.cancels.value != 0) PINION_CHECK(cancel(request.cancels));
    }
    answers_->push_back(std::move(answer));
    return {};
}

Result<void> StoreWriter::on(const OpenMap& request, const StowedRequest&) {
    PINION_TRY(pool, pool_number(request.pool));
    StoredMap map{.fail_fast = request.fail_fast};
    if (!request.name.empty()) {
        map_by_name_.bind(1, pool).bind_text(2, request.name);
        PINION_TRY(found, map_by_name_.row());
        if (found) {
            map = {.map = MapId{map_by_name_.number(0)},
                   .existing = true,
                   .sealed = map_by_name_.number(2) != 0,
                   .fail_fast = map_by_name_.number(1) != 0,
                   .given = map_by_name_.number(3)};
            map_by_name_.reset();
            count_items_.bind(1, map.map.value);
            PINION_TRY(counted, count_items_.row());
            ASSERT(counted);
            map.items = count_items_.number(0);
            count_items_.reset();
        }
    }
    if (!map.existing) {
        add_map_.bind(1, pool).bind(3, std::uint64_t{request.fail_fast});
        request.name.empty() ? add_map_.bind_null(2) : add_map_.bind_text(2, request.name);
        PINION_TRY(added, add_map_.row());
        ASSERT(added);
        map.map = MapId{add_map_.number(0)};
        add_map_.reset();
        maps_[map.map] = {.named = !request.name.empty(), .fail_fast = request.fail_fast};
    }
    answers_->push_back(MapStored{request.token, map});
    return {};
}

Result<void> StoreWriter::on(const SealMap& request, const StowedRequest&) {
    seal_.bind(1, request.map.value).bind(2, request.seal.items).bind(3, std::uint64_t{request.seal.goes_on});
    PINION_CHECK(seal_.run());
    if (request.answer) answers_->emplace_back(MapSealStored{request.map});
    return {};
}

Result<void> StoreWriter::on(const DropMap& request, const StowedRequest&) {
    maps_.erase(request.map);
    drop_map_.bind(1, request.map.value);
    return drop_map_.run();
}

Result<void> StoreWriter::cancel(MapId map) {
    maps_.erase(map);
    cancel_map_.bind(1, map.value);
    return cancel_map_.run();
}

Result<void> StoreWriter::on(const CancelMap& request, const StowedRequest&) {
    PINION_CHECK(cancel(request.map));
    answers_->push_back(MapCancelled{request.token});
    return {};
}

Result<void> StoreWriter::on(const SetMode& request, const StowedRequest& whole) {
    PINION_TRY(pool, pool_number(request.pool));
    set_mode_.bind(1, pool).bind(2, static_cast<std::uint64_t>(request.mode));
    set_mode_.bind_text(3, request.by).bind(4, to_micros(request.at));
    PINION_CHECK(set_mode_.run());
    // A commit that changes nothing syncs nothing, and the mode that is there may have been written without.
    if (whole.durable) PINION_CHECK(probe());
    if (request.token) answers_->push_back(ModeStored{*request.token});
    return {};
}

Result<void> StoreWriter::on(const Flush& request, const StowedRequest&) {
    answers_->emplace_back(Flushed{request.pool, request.number});
    return {};
}

// The committer takes these apart, for Retention.
Result<void> StoreWriter::on(const Expire&, const StowedRequest&) { return {}; }

}  // namespace pinion::jobs
