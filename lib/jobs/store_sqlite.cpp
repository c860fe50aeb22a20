// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_sqlite.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <thread>

#include "jobs/store_committer.h"
#include "jobs/store_reader.h"
#include "jobs/store_schema.h"

namespace pinion::jobs {
namespace {

// What a request keeps in memory, roughly.
std::size_t bytes_of(const NewJob& job) { return sizeof job + job.payload.size() + job.key.size(); }

// What may be had a second later.
bool will_pass(int code) {
    return code == ENOSPC || code == EDQUOT || code == EMFILE || code == ENFILE || code == ENOMEM;
}

class SqliteStore : public Store {
public:
    explicit SqliteStore(SqliteStoreOptions options) : options_(std::move(options)) {}
    ~SqliteStore() override {
        closing_ = true;
        // The spooler hands over to the committer, so it ends first.
        spooling_.close();
        reading_.close();
        if (spooler_.joinable()) spooler_.join();
        if (reader_thread_.joinable()) reader_thread_.join();
        // The last to go copies the log into the database, which a reader could not.
        reader_.reset();
        committer_.reset();
    }

    [[nodiscard]] Result<void> open();

    void declare_pool(JobPoolId pool, const std::string& name, const QueuePolicy& policy) override;
    [[nodiscard]] Result<void> recover(std::optional<JobPoolId> only, const RecoveryVisitor& visitor) override;
    void post(WriteRequest request) override;
    void post(ReadRequest request) override { reading_.put(std::move(request)); }
    [[nodiscard]] bool has_room() const override {
        return committer_->has_room() && spooled_bytes_.load() < limits::store_queue_bytes;
    }
    [[nodiscard]] std::vector<StoreAnswer> take_answers() override { return answers_.take(); }
    [[nodiscard]] int answer_fd() const override { return answers_.fd(); }
    [[nodiscard]] StoreHealth health() const override { return committer_->health(); }

private:
    [[nodiscard]] std::string database_path() const { return options_.folder + "/jobs.db"; }
    [[nodiscard]] Result<void> sweep(Database& database);
    [[nodiscard]] bool is_durable(JobPoolId pool) const;
    [[nodiscard]] StowedRequest wrap(WriteRequest request, bool& large) const;
    void spool_loop();
    void read_loop();
    [[nodiscard]] bool stow(StowedRequest& request);
    [[nodiscard]] Result<void> stow_one(StowedRequest& request, std::string& bytes);
    void refuse_spooling();

    SqliteStoreOptions options_;
    UniqueFd lock_;
    Spool spool_;
    AnswerBox answers_;
    std::unique_ptr<StoreReader> reader_;
    std::unique_ptr<Committer> committer_;
    Mailbox<StowedRequest> spooling_;
    Mailbox<ReadRequest> reading_;
    std::atomic<std::size_t> spooled_bytes_ = 0;
    std::atomic<bool> closing_ = false;
    mutable std::mutex pools_mutex_;
    std::map<JobPoolId, std::string> names_;
    std::map<JobPoolId, Durability> durability_;
    std::thread spooler_;
    std::thread reader_thread_;
};

Result<void> SqliteStore::open() {
    if (::mkdir(options_.folder.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_last("make folder '" + options_.folder + "'");
    PINION_TRY(lock, open_file(options_.folder + "/lock", O_RDWR | O_CREAT, 0600));
    if (::flock(lock.fd(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return fail("open '" + database_path() + "': another process uses it");
        return fail_last("lock '" + options_.folder + "/lock'");
    }
    lock_ = std::move(lock);
    PINION_TRY(database, open_for_writing(database_path(), options_.vfs));
    // Maps without a name belong to clients, and those of the last run are gone.
    PINION_CHECK(database->tidy("DELETE FROM maps WHERE name IS NULL AND id NOT IN (SELECT map FROM live)"));
    PINION_TRY(spool, Spool::open(options_.folder + "/spool", options_.nonce));
    spool_ = std::move(spool);
    PINION_CHECK(sweep(*database));
    PINION_TRY(writer, StoreWriter::make(*database));
    PINION_TRY(retention, Retention::make(*database));
    PINION_TRY(checkpoints, Database::open(database_path(), Database::Mode::write, options_.vfs));
    PINION_TRY(reader, StoreReader::open(database_path(), options_.vfs, spool_));
    PINION_CHECK(answers_.open());
    reader_ = std::move(reader);
    committer_ =
        std::make_unique<Committer>(Committer::Parts{std::move(database), std::move(writer), std::move(retention),
                                                     std::move(checkpoints), &spool_, &answers_, options_.hook});
    spooler_ = std::thread([this] { spool_loop(); });
    reader_thread_ = std::thread([this] { read_loop(); });
    return {};
}

Result<void> SqliteStore::sweep(Database& database) {
    PINION_TRY(find, database.prepare("SELECT 1 FROM files WHERE name = ?1"));
    std::optional<Error> trouble;
    const auto is_known = [&](const std::string& name) {
        find.bind_text(1, name);
        auto found = find.row();
        find.reset();
        if (!found) trouble = found.error();
        return !found || *found;  // in doubt a file stays
    };
    PINION_TRY(removed, spool_.sweep(is_known));
    (void)removed;
    if (trouble) return std::unexpected(*trouble);
    return {};
}

void SqliteStore::declare_pool(JobPoolId pool, const std::string& name, const QueuePolicy& policy) {
    {
        const std::scoped_lock lock(pools_mutex_);
        names_[pool] = name;
        durability_[pool] = policy.durability;
    }
    committer_->declare(pool, name, policy.retention);
}

Result<void> SqliteStore::recover(std::optional<JobPoolId> only, const RecoveryVisitor& visitor) {
    std::map<std::string, JobPoolId> wanted;
    {
        const std::scoped_lock lock(pools_mutex_);
        for (const auto& [pool, name] : names_)
            if (!only || *only == pool) wanted[name] = pool;
    }
    const auto read = [&]() -> Result<void> {
        PINION_TRY(reader, StoreReader::open(database_path(), options_.vfs, spool_));
        return reader->recover(wanted, visitor);
    };
    auto done = read();
    if (done) return done;
    // Nobody knows what was not read. Writing on would bury it.
    auto failed = in_context("read what waits in the queues", std::move(done).error());
    committer_->stop(failed.error());
    return failed;
}

bool SqliteStore::is_durable(JobPoolId pool) const {
    const std::scoped_lock lock(pools_mutex_);
    const auto found = durability_.find(pool);
    return found == durability_.end() || found->second == Durability::fsync;
}

StowedRequest SqliteStore::wrap(WriteRequest request, bool& large) const {
    StowedRequest whole{.request = std::move(request), .bytes = 256};
    const auto look_at = [&](const std::vector<NewJob>& jobs) {
        for (const NewJob& job : jobs) {
            whole.bytes += bytes_of(job);
            whole.durable = whole.durable || is_durable(job.pool);
            large = large || job.payload.size() > limits::max_inline_bytes;
        }
    };
    if (const auto* submit = std::get_if<Enqueue>(&whole.request)) look_at(submit->jobs);
    if (const auto* claim = std::get_if<NoteClaim>(&whole.request))
        whole.durable = claim->token && is_durable(claim->pool);
    if (const auto* map = std::get_if<OpenMap>(&whole.request)) whole.durable = is_durable(map->pool);
    if (const auto* seal = std::get_if<SealMap>(&whole.request)) whole.durable = seal->answer;
    if (const auto* flush = std::get_if<Flush>(&whole.request)) whole.durable = is_durable(flush->pool);
    if (const auto* mode = std::get_if<SetMode>(&whole.request)) whole.durable = mode->token && is_durable(mode->pool);
    if (const auto* cancel = std::get_if<CancelMap>(&whole.request)) whole.durable = is_durable(cancel->pool);
    if (const auto* finish = std::get_if<NoteFinish>(&whole.request)) {
        look_at(finish->pushes);
        whole.durable = whole.durable || is_durable(finish->pool);
        whole.bytes += finish->result.size();
        large = large || finish->result.size() > limits::max_inline_bytes;
    }
    return whole;
}

void SqliteStore::post(WriteRequest request) {
    if (const auto* expiry = std::get_if<Expire>(&request)) return committer_->expire(expiry->now);
    // What large requests leave in the spool is part of what a flush waits for.
    bool large = std::holds_alternative<Flush>(request);
    StowedRequest whole = wrap(std::move(request), large);
    if (large) {
        spooled_bytes_ += whole.bytes;
        return spooling_.put(std::move(whole));
    }
    if (stow(whole)) committer_->post(std::move(whole));
}

// Moves payloads out of the request, to rows or to files. False: it can't be written; of a submit that was told.
bool SqliteStore::stow(StowedRequest& request) {
    if (auto* submit = std::get_if<Enqueue>(&request.request)) {
        request.stowed.reserve(submit->jobs.size());
        for (NewJob& job : submit->jobs) {
            auto done = stow_one(request, job.payload);
            if (done) continue;
            for (const Stowed& part : request.stowed)
                if (!part.file.empty()) spool_.remove(part.file);
            answers_.put(Enqueued{submit->token, in_context("submit", std::move(done).error())});
            return false;
        }
    }
    if (auto* finish = std::get_if<NoteFinish>(&request.request)) {
        for (NewJob& job : finish->pushes)
            if (!stow_one(request, job.payload)) return false;
        if (!stow_one(request, finish->result)) return false;
    }
    return true;
}

// What can't be written now is an error for a submit, and waited for where it is the end of a job.
Result<void> SqliteStore::stow_one(StowedRequest& request, std::string& bytes) {
    Stowed& stowed = request.stowed.emplace_back();
    stowed.size = static_cast<std::uint32_t>(bytes.size());
    if (bytes.size() <= limits::max_inline_bytes) {
        stowed.bytes = std::move(bytes);
        return {};
    }
    stowed.hash = input_hash(bytes);
    for (bool waited = false;; waited = true) {
        bool sync_failed = false;
        auto file = spool_.write(bytes, request.durable, sync_failed);
        if (file) {
            if (waited) committer_->spool_has_room();
            stowed.file = std::move(*file);
            bytes = {};
            if (options_.hook) options_.hook(StorePoint::file_written);
            return {};
        }
        if (sync_failed || !will_pass(file.error().code)) {
            committer_->stop(file.error());
            return std::unexpected(Error{file.error().code, health().reason});
        }
        if (closing_ || std::holds_alternative<Enqueue>(request.request)) return std::unexpected(file.error());
        committer_->spool_is_full(file.error());
        refuse_spooling();
        std::this_thread::sleep_for(limits::store_retry);
    }
}

// Submits behind an end that waits are not to wait with it.
void SqliteStore::refuse_spooling() {
    const auto is_submit = [](const StowedRequest& request) {
        return std::holds_alternative<Enqueue>(request.request);
    };
    const StoreHealth now = health();
    for (const StowedRequest& request : spooling_.take_out(is_submit)) {
        spooled_bytes_ -= request.bytes;
        answers_.put(Enqueued{std::get<Enqueue>(request.request).token,
                              std::unexpected(Error{now.code, "submit: " + now.reason})});
    }
}

void SqliteStore::spool_loop() {
    while (auto request = spooling_.take()) {
        spooled_bytes_ -= request->bytes;
        if (stow(*request)) committer_->post(std::move(*request));
    }
}

void SqliteStore::read_loop() {
    while (auto request = reading_.take()) {
        std::map<JobPoolId, std::string> names;
        if (std::holds_alternative<ListJobs>(*request) || std::holds_alternative<FindMap>(*request)) {
            const std::scoped_lock lock(pools_mutex_);
            names = names_;
        }
        answers_.put(reader_->answer(*request, names));
    }
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteStoreOptions& options) {
    auto store = std::make_unique<SqliteStore>(options);
    PINION_CHECK(store->open());
    return store;
}

bool sqlite_store_exists(const std::string& folder) { return ::access((folder + "/jobs.db").c_str(), F_OK) == 0; }

}  // namespace pinion::jobs
