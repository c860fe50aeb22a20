// SPDX-License-Identifier: Apache-2.0
// What is asked of the tables, on a connection of its own: reads never wait for a commit.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/store.h"
#include "jobs/store_database.h"
#include "jobs/store_spool.h"

namespace pinion::jobs {

class StoreReader {
public:
    // `spool` must outlive the reader.
    [[nodiscard]] static Result<std::unique_ptr<StoreReader>> open(const std::string& path, const std::string& vfs,
                                                                   const Spool& spool);

    // `names` are those of the pools that are declared.
    [[nodiscard]] StoreAnswer answer(const ReadRequest& request, const std::map<JobPoolId, std::string>& names);
    [[nodiscard]] Result<void> recover(const std::map<std::string, JobPoolId>& pools, const RecoveryVisitor& visitor);

private:
    explicit StoreReader(const Spool& spool) : spool_(&spool) {}
    [[nodiscard]] Result<std::string> fetch(JobId job);
    [[nodiscard]] Result<std::optional<StoredJob>> look_up(JobId job);
    [[nodiscard]] Result<std::optional<StoredMap>> look_up(MapId map);
    [[nodiscard]] Listed list(const ListJobs& request, const std::map<JobPoolId, std::string>& names);
    [[nodiscard]] Result<std::vector<StoredJob>> find(const ListJobs& request, JobId last,
                                                      const std::map<JobPoolId, std::string>& names);
    [[nodiscard]] Result<MapId> find(const FindMap& request, const std::map<JobPoolId, std::string>& names);
    [[nodiscard]] Result<std::optional<JobId>> end_of_page(JobId after);
    [[nodiscard]] Result<std::vector<StoredJob>> items(const ReadItems& request);
    [[nodiscard]] Result<std::string> contents(const Statement& row, int file, int bytes) const;
    [[nodiscard]] Result<void> add_attempts(StoredJob& job);

    const Spool* spool_;
    std::unique_ptr<Database> database_;
    Statement payload_, job_, result_, map_name_, attempts_, list_, page_, items_, map_, map_traits_;
};

}  // namespace pinion::jobs
