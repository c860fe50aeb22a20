// SPDX-License-Identifier: Apache-2.0
// A store of each kind, for what all of them answer alike: on disk, in memory, or some here and some there.
#pragma once

#include <string>

#include "jobs/store_router.h"
#include "store_harness.h"

namespace pinion::jobs {

enum class Engine : std::uint8_t { disk, memory, routed_to_disk, routed_to_memory, routed_to_both };

class EachStore : public testing::TestWithParam<Engine> {
protected:
    static Durability thumbs() {
        const bool weak = GetParam() >= Engine::routed_to_memory;
        return weak ? Durability::memory : Durability::fsync;
    }
    static Durability film() { return GetParam() == Engine::routed_to_memory ? Durability::memory : Durability::os; }
    static Result<std::unique_ptr<Store>> open(const std::string& folder) {
        const auto open_disk = [folder] { return open_sqlite_store({.folder = folder}); };
        const MemoryStoreOptions memory{.started = wall_now()};
        if (GetParam() == Engine::disk) return open_disk();
        if (GetParam() != Engine::memory) return open_store_router({.memory = memory, .open_disk = open_disk});
        auto opened = MemoryStore::open(memory);
        if (!opened) return std::unexpected(opened.error());
        return std::unique_ptr<Store>(std::move(*opened));
    }

    ScratchFolder folder;
    StoreDesk desk{open(folder.path), thumbs(), film()};
};

inline std::string name_of_engine(const testing::TestParamInfo<Engine>& engine) {
    static constexpr const char* names[] = {"Disk", "Memory", "RoutedToDisk", "RoutedToMemory", "RoutedToBoth"};
    return names[static_cast<int>(engine.param)];
}

inline auto all_engines() {
    return testing::Values(Engine::disk, Engine::memory, Engine::routed_to_disk, Engine::routed_to_memory,
                           Engine::routed_to_both);
}

}  // namespace pinion::jobs
