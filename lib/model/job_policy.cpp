// SPDX-License-Identifier: Apache-2.0
#include "model/job_policy.h"

#include "model/restart_policy.h"

namespace pinion {

const char* to_string(Durability durability) noexcept {
    switch (durability) {
        case Durability::memory: return "memory";
        case Durability::os: return "os";
        case Durability::fsync: return "fsync";
    }
    return "?";
}

Duration retry_delay(const JobPolicy& policy, std::uint32_t failed, std::uint64_t seed) noexcept {
    RestartPolicy same_words;
    same_words.delay = policy.delay;
    same_words.max_delay = policy.max_delay;
    same_words.factor = policy.factor;
    same_words.jitter = policy.jitter;
    // A worker's first restart comes at once, a job's second attempt does not.
    return backoff_delay_jittered(same_words, failed + 1, seed);
}

}  // namespace pinion
