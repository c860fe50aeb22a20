// SPDX-License-Identifier: Apache-2.0
// The ledger's text: what was written is read, and nothing else is.
#include "cpu/ledger_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "machines.h"
#include "model/limits.h"
#include "random.h"
#include "random_case.h"

namespace pinion::cpu::testing {
namespace {

using ::testing::HasSubstr;

LedgerFile sample() {
    return {.boot = "4c1d2a6e-0000-4000-8000-000000000001",
            .owner = {812, 48121},
            .inherited = cpus("0-3"),
            .places = places_of(t1()),
            .seats = {{"api", 0, cpus("0,4"), cpus("0,4"), true},
                      {"api", 1, cpus("1,5"), {}, true},
                      {"quick", 0, cpus("3,7"), cpus("2,6"), false}}};
}

TEST(LedgerFiles, ReadWhatWasWritten) {
    const LedgerFile ledger = sample();
    EXPECT_EQ(to_text(ledger),
              "pinion ledger 1\nboot 4c1d2a6e-0000-4000-8000-000000000001\nowner 812 48121\ninherited 0-3\n"
              "place core 0,4 1,5 2,6 3,7\nplace l3 0-7\nplace numa 0-7\nplace package 0-7\n"
              "seat api 0 own 0,4 0,4\nseat api 1 own 1,5 none\nseat quick 0 soft 3,7 2,6\nend 3\n");
    const auto read = parse_ledger(to_text(ledger));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, ledger);
    LedgerFile unbound = ledger;
    unbound.inherited = std::nullopt;
    EXPECT_EQ(parse_ledger(to_text(unbound)).value(), unbound);
}

TEST(LedgerFiles, EachCutIsNoticed) {
    const std::string text = to_text(sample());
    for (std::size_t length = 0; length < text.size(); ++length)
        EXPECT_FALSE(parse_ledger(text.substr(0, length))) << length;
}

TEST(LedgerFiles, SayWhichLineIsWrong) {
    const std::string text = to_text(sample());
    const auto with = [&](const std::string& old, const std::string& line) {
        std::string changed = text;
        changed.replace(changed.find(old), old.size(), line);
        const auto read = parse_ledger(changed);
        return read ? std::string("read") : read.error().message;
    };
    EXPECT_THAT(with("pinion ledger 1", "pinion ledger 2"), HasSubstr("line 1 "));
    EXPECT_THAT(with("seat api 1", "seat api 0"), HasSubstr("line 10 "));
    EXPECT_THAT(with("seat api 1", "seat API 1"), HasSubstr("line 10 "));
    EXPECT_THAT(with("seat api 1", "seat api 1000"), HasSubstr("line 10 "));
    EXPECT_THAT(with("own 1,5", "ours 1,5"), HasSubstr("line 10 "));
    EXPECT_THAT(with("own 1,5", "own 5-1"), HasSubstr("line 10 "));
    EXPECT_THAT(with("own 1,5", "own none"), HasSubstr("line 10 "));
    EXPECT_THAT(with("own 1,5", "own 4096"), HasSubstr("line 10 "));
    EXPECT_THAT(with("place l3 0-7", "place l4 0-7"), HasSubstr("line 6 "));
    EXPECT_THAT(with("place l3 0-7", "place core 0-7"), HasSubstr("line 6 "));
    EXPECT_THAT(with("place l3 0-7", "place l3 0-7 7"), HasSubstr("line 6 "));
    EXPECT_THAT(with("owner 812 48121", "owner -1 48121"), HasSubstr("line 3 "));
    EXPECT_THAT(with("inherited 0-3", "inherited all\ninherited all"), HasSubstr("line 5 "));
    EXPECT_THAT(with("end 3", "end 4"), HasSubstr("line 12 "));
    EXPECT_THAT(with("end 3", "end 3\nend 3"), HasSubstr("line 13 "));
    EXPECT_EQ(with("owner 812 48121\n", ""), "lines are missing");
    EXPECT_EQ(parse_ledger("").error().message, "it is empty");
}

TEST(LedgerFiles, HoldAllWorkersAndNotOneMore) {
    LedgerFile ledger = sample();
    ledger.seats.clear();
    for (std::uint32_t pool = 0; pool < 10; ++pool)
        for (std::uint32_t slot = 0; slot < limits::max_workers_per_pool; ++slot)
            ledger.seats.push_back({"p" + std::to_string(pool), slot, cpus("0,4"), cpus("0,4"), true});
    ASSERT_EQ(ledger.seats.size(), limits::max_workers);
    const std::string text = to_text(ledger);
    EXPECT_LT(text.size(), limits::max_ledger_bytes);
    EXPECT_TRUE(parse_ledger(text));
    ledger.seats.push_back({"q", 0, cpus("0,4"), cpus("0,4"), true});
    EXPECT_FALSE(parse_ledger(to_text(ledger)));
}

// P15: whatever the file holds, the plan is the cold one, or that of a ledger which reads as written.
TEST(LedgerFiles, P15JunkIsRefusedOrHarmless) {
    for_seeds(1500, [](std::uint64_t seed) {
        const Case made = random_case(seed);
        Random random(seed);
        LedgerFile ledger = sample();
        ledger.seats = made.keep({}, true).seats;
        std::string text = to_text(ledger);
        for (std::uint32_t i = random.between(1, 8); i > 0 && !text.empty(); --i) {
            const std::uint32_t at = random.below(static_cast<std::uint32_t>(text.size()));
            switch (random.below(4)) {
                case 0: text[at] = static_cast<char>(random.below(256)); break;
                case 1: text.erase(at, random.between(1, 40)); break;
                case 2: text.insert(at, text.substr(random.below(at + 1), random.below(60))); break;
                default: text[at] = "0123456789 ,-\n"[random.below(14)];
            }
        }
        const auto read = parse_ledger(text);
        if (!read) return;
        EXPECT_EQ(parse_ledger(to_text(*read)).value(), *read);
        const Kept kept = made.keep(read->seats, true);
        CpuSet owned;
        for (const auto& [slot, cpus] : exclusive_seats(kept.plan)) owned |= cpus;
        EXPECT_TRUE(owned.is_subset_of(resolve(made.topology, made.universe).cpus));
    });
}

}  // namespace
}  // namespace pinion::cpu::testing
