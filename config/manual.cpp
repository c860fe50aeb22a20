// SPDX-License-Identifier: Apache-2.0
// The entries of pinion.yaml(5), one a key, in scdoc. The page's own text says where each entry goes and what more
// there is to know of it; see packaging/man/fill.cmake.
#include <vector>

#include "base/text.h"
#include "config/keys.h"
#include "config/schema.h"

namespace pinion::config {
namespace {

// As people write it: keys of pools are named without their section.
std::string full_name(const Key& key) {
    if (key.section == Section::pool) return std::string(key.path);
    return std::string(to_string(key.section)) + "." + std::string(key.path);
}

// What would begin bold or underlined text stands for itself.
std::string plain(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '*' || c == '_' || c == '\\') result += '\\';
        result += c;
    }
    return result;
}

std::string entry(const Key& key) {
    const Printed standard = key.print(Draft{});
    const std::string value = standard.set ? "default *" + plain(standard.text) + "*" : "unset by default";
    return "*" + plain(full_name(key)) + "*: " + plain(key.type()) + "; " + value + "; " + plain(key.change_words()) +
           "\n\t" + plain(key.meaning) + "\n";
}

}  // namespace

std::string key_manual() {
    std::string text;
    std::vector<std::string> later;
    for (const Key& key : all_keys()) {
        if (key.stage == Stage::supported)
            text += "; key " + full_name(key) + "\n" + entry(key);
        else
            later.push_back("*" + plain(full_name(key)) + "*");
    }
    return text + "; later\n" + join(later, ", ") + ".\n";
}

}  // namespace pinion::config
