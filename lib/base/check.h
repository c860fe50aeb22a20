// SPDX-License-Identifier: Apache-2.0
// ASSERT: an always-on check of what the programmer promised. Never used on input: input gets a Result.
#pragma once

namespace pinion {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace pinion

#define ASSERT(condition) \
    ((condition) ? static_cast<void>(0) : ::pinion::assertion_failed(#condition, __FILE__, __LINE__))
