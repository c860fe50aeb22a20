// SPDX-License-Identifier: Apache-2.0
// A validated configuration. Immutable; only `load` makes one.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "model/pool_spec.h"

namespace pinion::config {

// Where a value was written.
struct Origin {
    std::string file;
    int line = 0;
    int column = 0;
};

class Config {
public:
    [[nodiscard]] const DaemonSpec& daemon() const noexcept { return daemon_; }
    [[nodiscard]] const MachineSpec& machine() const noexcept { return machine_; }
    [[nodiscard]] const std::map<std::string, std::shared_ptr<const PoolSpec>>& pools() const noexcept {
        return pools_;
    }
    // Named, and shared by all job pools.
    [[nodiscard]] const std::map<std::string, std::uint32_t>& semaphores() const noexcept { return semaphores_; }
    [[nodiscard]] const std::vector<std::string>& files() const noexcept { return files_; }  // read, in order
    [[nodiscard]] const std::vector<Diagnostic>& warnings() const noexcept { return warnings_; }
    // The place of a pool's key: origin("web", "restart.delay"); nothing where the default holds. "" is the pool
    // itself.
    [[nodiscard]] std::optional<Origin> origin(const std::string& pool, const std::string& key) const;

private:
    friend class Builder;
    DaemonSpec daemon_;
    MachineSpec machine_;
    std::map<std::string, std::shared_ptr<const PoolSpec>> pools_;
    std::map<std::string, std::uint32_t> semaphores_;
    std::map<std::string, std::map<std::string, Origin>> origins_;
    std::vector<std::string> files_;
    std::vector<Diagnostic> warnings_;
};

struct LoadOptions {
    std::string path;  // a file or a folder
    // `check --as PATH TEMPFILE`: the content of `replacement` stands in for the file `replaced` of the folder.
    std::string replaced;
    std::string replacement;
    bool refuse_unsafe_files = false;                // root's rule: not owned by root, or writable by others
    std::map<std::string, std::string> environment;  // what pass_env picks from
};

// The configuration, or all diagnostics (at least one error; bounded by limits::max_diagnostics). Reads files, the user
// database and nothing else; may block on NSS, so it runs off the deciding thread. A folder without pools is valid.
[[nodiscard]] std::expected<Config, std::vector<Diagnostic>> load(const LoadOptions& options);

// The files that `load` would read for `path`, in order: for the watch.
[[nodiscard]] std::vector<std::string> list_files(const std::string& path);

}  // namespace pinion::config
