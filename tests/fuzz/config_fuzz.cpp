// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration: load must answer with a configuration or with errors, and what it accepts must print as
// YAML that loads back to the same pools.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/fd.h"
#include "config/change.h"
#include "config/config.h"
#include "config/schema.h"

namespace {

using pinion::config::Config;

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::abort();
}

// A file in memory: a disk would be the slowest part by far.
auto load_text(const std::string& text) {
    static const pinion::UniqueFd file(::memfd_create("pinion-fuzz", MFD_CLOEXEC));
    if (::ftruncate(file.fd(), 0) != 0 || ::lseek(file.fd(), 0, SEEK_SET) != 0) give_up("the file can't be emptied");
    if (const auto written = pinion::write_all(file.fd(), text); !written) give_up(written.error().message);
    const std::string path = "/proc/self/fd/" + std::to_string(file.fd());
    return pinion::config::load({.path = path, .environment = {{"HOME", "/root"}, {"ODD", "$x \xff"}}});
}

void check_round_trip(const Config& config) {
    const std::string yaml = pinion::config::to_yaml(config);
    const auto again = load_text(yaml);
    if (!again) give_up("does not load back: " + to_string(again.error().front()) + "\n" + yaml);
    if (!pinion::config::diff(&config, *again).empty()) give_up("loads back to something else:\n" + yaml);
    if (config.daemon() != again->daemon() || config.machine() != again->machine()) give_up("globals differ:\n" + yaml);
    if (config.semaphores() != again->semaphores()) give_up("semaphores differ:\n" + yaml);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto config = load_text(std::string(reinterpret_cast<const char*>(data), size));
    if (config)
        check_round_trip(*config);
    else if (!pinion::config::has_errors(config.error()))
        give_up("refused without an error");
    for (const auto& diagnostic : config ? config->warnings() : config.error()) (void)to_string(diagnostic);
    return 0;
}
