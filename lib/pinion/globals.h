// SPDX-License-Identifier: Apache-2.0
// The one mutex for all that is global in this library. Our forks are made with it held, so that a child never finds it
// taken by a thread that it does not have.
#pragma once

#include <mutex>

namespace pinion::inline v0 {

inline std::mutex& globals_mutex() {
    static std::mutex mutex;
    return mutex;
}

}  // namespace pinion::inline v0
