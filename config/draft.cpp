// SPDX-License-Identifier: Apache-2.0
#include "config/draft.h"

namespace pinion::config {

Draft draft_of(const PoolSpec& spec) {
    Draft draft;
    draft.pool = spec;
    if (!spec.identity) return draft;
    draft.user = Placed<std::string>{spec.identity->user, {}};
    draft.group = Placed<std::string>{std::to_string(spec.identity->gid), {}};
    for (const auto gid : spec.identity->groups) draft.supplementary_groups.push_back({std::to_string(gid), {}});
    return draft;
}

}  // namespace pinion::config
