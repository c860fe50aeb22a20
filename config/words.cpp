// SPDX-License-Identifier: Apache-2.0
// The small texts that readers share: hints, lists of words, paths beside a file.
#include <filesystem>

#include "base/text.h"
#include "config/scalar.h"

namespace pinion::config {

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
    const auto best = closest(word, candidates);
    return best ? "did you mean " + in_quotes(*best) + "?" : std::string();
}

std::string either(std::span<const std::string_view> words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
        text += words[i];
    }
    return text;
}

std::string folder_of(const Place& place) {
    std::error_code error;
    const auto path = std::filesystem::absolute(*place.file, error);
    return (error ? std::filesystem::path(*place.file) : path).lexically_normal().parent_path().string();
}

std::string absolute_path(const Place& place, std::string_view path) {
    if (path.starts_with('/')) return std::string(path);
    return (std::filesystem::path(folder_of(place)) / path).lexically_normal().string();
}

std::string escape_dollars(std::string_view text) {
    std::string result;
    for (const char c : text) result.append(c == '$' ? 2 : 1, c);
    return result;
}

std::string absolute_template(const Place& place, std::string_view path) {
    if (path.starts_with('/')) return std::string(path);
    // Only a "./" at the front is taken off: what lies between "${" and "}" is not a path.
    while (path.starts_with("./")) path.remove_prefix(2);
    std::string folder = escape_dollars(folder_of(place));
    if (!folder.ends_with('/')) folder += '/';
    return folder.append(path);
}

}  // namespace pinion::config
