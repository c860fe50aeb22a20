// SPDX-License-Identifier: Apache-2.0
// What each write does to the tables, within one transaction that the committer begins and ends. No threads here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/store.h"
#include "jobs/store_database.h"

namespace pinion::jobs {

// A payload or a result on its way to its row: inline, or as the name of its file.
struct Stowed {
    std::string bytes;
    std::string file;  // not empty: the bytes are there
    std::uint32_t size = 0;
    std::uint64_t hash = 0;  // of the bytes, where they are in a file
};

// A request whose large parts lie in the spool: those of the request's jobs or pushes in order, then its result.
struct StowedRequest {
    WriteRequest request;
    std::vector<Stowed> stowed;
    bool durable = false;  // its answer promises that it survives the loss of power
    std::size_t bytes = 0;
};

class StoreWriter {
public:
    // `database` must outlive the writer.
    [[nodiscard]] static Result<std::unique_ptr<StoreWriter>> make(Database& database);

    // A pool's number in the database; made if it is new. The name is remembered.
    void name_pool(JobPoolId pool, const std::string& name) { names_[pool] = name; }

    // Applies one request and appends its answer, if it has one, to `answers`. An error is the database's, and the
    // transaction must be rolled back; what a request itself did wrong is in its answer, and nothing of it is applied.
    [[nodiscard]] Result<void> apply(const StowedRequest& request, WallTime now, std::vector<StoreAnswer>& answers);

    // Makes sure that ids are reserved ahead; within the transaction.
    [[nodiscard]] Result<void> reserve_ids();
    // The transaction was rolled back: what was learned of the tables is forgotten.
    void roll_back();
    // Another dropped maps.
    void forget_maps() { maps_.clear(); }
    // It was committed. Gives the files that turned out not to be needed, since their jobs were known already.
    [[nodiscard]] std::vector<std::string> committed();
    // Writes something small, to see whether writing works again.
    [[nodiscard]] Result<void> probe();

private:
    struct MapTraits {
        bool named = false;
        bool cancelled = false;
        bool fail_fast = false;
    };
    explicit StoreWriter(Database& database) : database_(&database) {}
    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] Result<std::uint64_t> pool_number(JobPoolId pool);

    [[nodiscard]] Result<void> on(const Enqueue& request, const StowedRequest& whole);
    [[nodiscard]] Result<void> on(const NoteClaim& request, const StowedRequest& whole);
    [[nodiscard]] Result<void> on(const VoidClaim& request, const StowedRequest& whole);
    [[nodiscard]] Result<void> on(const NoteRetry& request, const StowedRequest& whole);
    [[nodiscard]] Result<void> on(const NoteFinish& request, const StowedRequest& whole);
    [[nodiscard]] Result<void> on(const OpenMap& request, const StowedRequest& whole);
    [[nodiscard]] Result<void> on(const SealMap& request, const StowedRequest& whole);
    [[nodiscard]] Result<void> on(const DropMap& request, const StowedRequest& whole);
    [[nodiscard]] Result<void> on(const CancelMap& request, const StowedRequest& whole);
    [[nodiscard]] Result<void> on(const SetMode& request, const StowedRequest& whole);
    [[nodiscard]] Result<void> on(const Flush& request, const StowedRequest& whole);
    [[nodiscard]] Result<void> on(const Expire& request, const StowedRequest& whole);

    [[nodiscard]] Result<std::optional<std::string>> objection(const Enqueue& request, const StowedRequest& whole);
    [[nodiscard]] Result<PlacedJob> place(const NewJob& job, const Stowed& payload);
    [[nodiscard]] Result<std::optional<JobId>> known(const NewJob& job, std::uint64_t pool);
    [[nodiscard]] Result<MapTraits> traits(MapId map);
    [[nodiscard]] Result<bool> is_named(MapId map);
    [[nodiscard]] Result<void> cancel(MapId map);
    [[nodiscard]] Result<void> insert(JobId id, const NewJob& job, const Stowed& payload, std::uint64_t pool);
    [[nodiscard]] Result<void> keep_file(JobId job, const std::string& file);
    [[nodiscard]] Result<void> note_attempt(JobId job, const AttemptRow& attempt);

    Database* database_;
    std::map<JobPoolId, std::string> names_;
    std::map<JobPoolId, std::uint64_t> numbers_;
    std::map<MapId, MapTraits> maps_;
    std::uint64_t next_id_ = 1;
    std::uint64_t reserved_ = 0;  // ids below are ours, on disk
    std::uint64_t reserved_in_transaction_ = 0;
    std::vector<std::string> unused_files_;
    WallTime now_{};
    std::vector<StoreAnswer>* answers_ = nullptr;

    Statement find_pool_, add_pool_, add_live_, add_input_, find_key_, add_key_, find_item_, add_item_, add_file_;
    Statement claim_, retry_, add_attempt_, find_live_, drop_live_, add_finished_, find_map_, map_by_name_, add_map_,
        count_items_, seal_, drop_map_, cancel_map_, set_mode_, reserve_, probe_;
};

[[nodiscard]] std::int64_t to_micros(WallTime time) noexcept;
[[nodiscard]] WallTime from_micros(std::int64_t micros) noexcept;
// Tells whether two inputs are the same, as far as 64 bits can (FNV-1a).
[[nodiscard]] std::uint64_t input_hash(std::string_view input) noexcept;

}  // namespace pinion::jobs
