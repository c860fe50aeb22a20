// SPDX-License-Identifier: Apache-2.0
// `status --pins`: golden texts, what is wrong with a pin in words, and the document.
// PINION_UPDATE_GOLDEN=1 writes the golden files anew; look at the difference before committing it.
#include "ctl/pins_screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/text.h"
#include "ctl/display.h"
#include "ctl_testing.h"

namespace pinion::ctl {
namespace {

using test::golden;

WorkerRow worker(const std::string& pool, std::uint64_t slot, const std::string& seat) {
    return {.pool = pool,
            .slot = slot,
            .state = "running",
            .pid = 100 + slot,
            .cpus = seat,
            .seat = seat,
            .home = seat,
            .mask = seat,
            .nodes = "0",
            .exclusive = true};
}

std::vector<WorkerRow> sample_rows() {
    std::vector<WorkerRow> rows;
    for (std::uint64_t slot = 0; slot < 6; ++slot)
        rows.push_back(worker("api", slot, std::to_string(slot) + "," + std::to_string(slot + 8)));
    rows[1].seat = rows[1].mask = rows[1].cpus = "6,14";  // away from home
    rows[2].cpus = "0-15";                                // reset by a stranger
    rows[3].cpus = "3";                                   // narrowed by itself
    rows[3].drifts = 2;
    rows[4].contested = true;
    rows[4].cpus = "0-15";
    rows[4].drifts = 5;
    rows[4].pin_note = "contested: somebody set its mask 5 times in a minute";
    rows[5].pid = 0;
    rows[5].state = "backoff";
    rows.push_back(worker("batch", 0, "2,10"));
    rows.back().exclusive = false;
    rows.push_back(worker("big", 0, "0-3,8-11"));
    rows.back().nodes = "0,1";
    rows.back().straddles = "numa,package";
    rows.push_back({.pool = "log", .slot = 0, .state = "running", .pid = 300, .cpus = "7,15", .mask = "7,15"});
    return rows;
}

TEST(PinsScreen, LooksAsInTheGoldenTexts) {
    for (const auto& [name, traits] : std::vector<std::pair<std::string, TerminalTraits>>{
             {"pins_utf8_colour.txt", {.tty = true, .utf8 = true, .colour = true}},
             {"pins_c_no_color.txt", {.tty = true}},
             {"pins_pipe.txt", {}}}) {
        std::string text;
        for (const std::size_t width : {40, 60, 80, 140}) {
            TerminalTraits at = traits;
            at.width = width;
            if (traits.tty) text += "=== " + std::to_string(width) + "\n";
            text += pins_screen(sample_rows(), {}, at).value();
            if (!traits.tty) break;
        }
        EXPECT_EQ(golden(name, text), text) << name;
    }
}

TEST(PinsScreen, TroubleIsAMaskThatIsTooWideNotOneThatIsNarrow) {
    WorkerRow row = worker("api", 0, "0,8");
    EXPECT_EQ(pin_trouble(row), "");
    row.cpus = "0";
    EXPECT_EQ(pin_trouble(row), "");
    row.cpus = "0-1,8";
    EXPECT_EQ(pin_trouble(row), "may use only '0,8'");
    row.mask = "0-3,8-11";  // widened by `bind`
    EXPECT_EQ(pin_trouble(row), "");
    row.home = "4,12";
    EXPECT_EQ(pin_trouble(row), "CPUs of its home are missing");
    row.contested = true;
    EXPECT_EQ(pin_trouble(row), "somebody keeps changing its mask: it is left alone");
    row.pin_note = "the daemon's own words";
    EXPECT_EQ(pin_trouble(row), "the daemon's own words");
}

TEST(PinsScreen, AWorkerThatDoesNotRunHasNoMask) {
    WorkerRow row = worker("api", 0, "0,8");
    row.pid = 0;
    row.cpus = "0-15";
    EXPECT_EQ(pin_trouble(row), "");
    EXPECT_EQ(*pins_document(std::vector{row}).find("pins")->items().at(0).find("mask")->as_string(), "");
}

TEST(PinsScreen, TheDocumentTellsWhatIsAllowedAndWhatIsSo) {
    const auto document = pins_document(sample_rows());
    EXPECT_EQ(document.find("pins")->items().size(), sample_rows().size());
    const wire::Json& reset = document.find("pins")->items().at(2);
    EXPECT_EQ(*reset.find("worker")->as_string(), "api/2");
    EXPECT_EQ(*reset.find("mask")->as_string(), "0-15");
    EXPECT_EQ(*reset.find("allowed")->as_string(), "2,10");
    EXPECT_EQ(*reset.find("trouble")->as_string(), "may use only '2,10'");
    EXPECT_TRUE(pins_document({}).find("pins")->is_array());
}

TEST(PinsScreen, FitsAnyTerminal) {
    std::mt19937 random(5);
    for (int round = 0; round < 200; ++round) {
        std::vector<WorkerRow> rows = sample_rows();
        for (WorkerRow& row : rows) {
            row.pool = std::string(1 + random() % 63, 'p');
            row.pin_note = std::string(random() % 90, 'n');
        }
        for (const std::size_t width : {20, 40, 80, 140}) {
            const std::string text = pins_screen(rows, {}, {.tty = true, .width = width}).value();
            for (std::string_view line : split(text, '\n'))
                if (width >= 40) {
                    EXPECT_LE(display_width(line), width) << line;
                }
        }
    }
}

}  // namespace
}  // namespace pinion::ctl
