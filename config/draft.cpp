// SPDX-License-Identifier: Apache-2.0
#include "config/draft.h"

namespace pinion::config {
namespace {

void add_jobs(Draft& draft, const JobPoolSpec& jobs) {
    draft.jobs = jobs;
    for (const auto& input : jobs.inputs)
        draft.inputs.push_back(jobs.payload == PayloadKind::raw ? DraftInput{.json = {}, .line = input, .place = {}}
                                                                : DraftInput{.json = input, .line = {}, .place = {}});
    draft.allow.groups.clear();
    for (const auto uid : jobs.allow.uids) draft.allow.users.push_back({std::to_string(uid), {}});
    for (const auto gid : jobs.allow.gids) draft.allow.groups.push_back({std::to_string(gid), {}});
}

}  // namespace

Draft draft_of(const PoolSpec& spec) {
    Draft draft;
    draft.pool = spec;
    if (spec.jobs) add_jobs(draft, *spec.jobs);
    if (!spec.identity) return draft;
    draft.user = Placed<std::string>{spec.identity->user, {}};
    draft.group = Placed<std::string>{std::to_string(spec.identity->gid), {}};
    for (const auto gid : spec.identity->groups) draft.supplementary_groups.push_back({std::to_string(gid), {}});
    return draft;
}

}  // namespace pinion::config
