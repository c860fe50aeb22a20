// SPDX-License-Identifier: Apache-2.0
// The reference of all keys in Markdown.
#include "base/text.h"
#include "config/keys.h"
#include "config/schema.h"

namespace pinion::config {
namespace {

// Fit for a cell of a table: a bar would end it.
std::string cell(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '|') result += '\\';
        result += c;
    }
    return result;
}

std::string row(const Key& key) {
    const std::string name = "| `" + std::string(key.path) + "` | ";
    if (key.stage != Stage::supported) return name + "| | not supported yet | |\n";
    const Printed standard = key.print(Draft{});
    const std::string text = standard.set ? "`" + cell(standard.text) + "`" : "–";
    return name + cell(key.type()) + " | " + text + " | " + cell(key.meaning) + " | " +
           std::string(key.change_words()) + " |\n";
}

}  // namespace

std::string key_reference() {
    std::string text =
        "# Keys of the configuration\n\n"
        "Made from the program's own table of keys; do not edit.\n\n"
        "A change of a key that is *live* is applied to running workers; one that is *respawn* rolls the pool's "
        "workers.\n"
        "Durations are a number and `us ms s m h d` (`1m30s`), sizes a number and `KiB MiB GiB` or `kB MB GB`. "
        "`${pool}`, `${slot}`, `${cpus}`, `${numa}`, arithmetic such as `${8000+slot}` and `$$` for a dollar are "
        "replaced "
        "in `command`, `env` and `cwd`; `${input}` in the `command` of a pool with `protocol: exec`.\n"
        "Keys from `protocol` to `allow` stand only in pools of `kind: jobs`. Permits that their jobs hold are "
        "declared "
        "at the\n"
        "top level of `pinion.yaml`: `semaphores: {gpu: 2}`.\n";
    for (const Section section : {Section::daemon, Section::machine, Section::pool}) {
        text += "\n## " + std::string(to_string(section)) + "\n\n";
        text += "| key | type | default | meaning | a change |\n|---|---|---|---|---|\n";
        for (const Key& key : all_keys())
            if (key.section == section) text += row(key);
    }
    return text;
}

}  // namespace pinion::config
