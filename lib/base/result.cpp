// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace pinion {

std::string errno_text(int code) {
    const char* text = strerrordesc_np(std::abs(code));
    if (text == nullptr) return "error " + std::to_string(std::abs(code));
    std::string result = text;
    // Lower-case the first letter only where it begins an ordinary word ("RPC struct is bad" stays).
    if (result.size() > 1 && std::islower(static_cast<unsigned char>(result[1])) != 0)
        result[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(result[0])));
    return result;
}

std::string errno_name(int code) {
    const char* name = strerrorname_np(std::abs(code));
    return name != nullptr ? std::string(name) : std::to_string(std::abs(code));
}

std::unexpected<Error> fail(std::string message) { return std::unexpected(Error{0, std::move(message)}); }

std::unexpected<Error> fail_errno(int code, std::string_view what) {
    return std::unexpected(Error{std::abs(code), std::string(what) + ": " + errno_text(code)});
}

std::unexpected<Error> fail_last(std::string_view what) { return fail_errno(errno, what); }

std::unexpected<Error> in_context(std::string_view context, Error error) {
    error.message.insert(0, std::string(context) + ": ");
    return std::unexpected(std::move(error));
}

}  // namespace pinion
