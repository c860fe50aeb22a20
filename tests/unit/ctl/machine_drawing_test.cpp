// SPDX-License-Identifier: Apache-2.0
// The drawings of a machine: golden texts of several machines and terminals, and what holds for any plan: no line too
// wide, each CPU drawn once, colour only beside a letter, an SVG that is well-formed whatever the names are.
// PINION_UPDATE_GOLDEN=1 writes the golden files anew; look at the difference before committing it.
#include "ctl/machine_drawing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <regex>

#include "base/text.h"
#include "cpu/domain.h"
#include "ctl/display.h"
#include "ctl/machine_svg.h"
#include "ctl/machine_text.h"
#include "ctl_testing.h"

namespace pinion::ctl {
namespace {

using test::cpus;
using test::golden;
using ::testing::HasSubstr;
using ::testing::Not;

cpu::Topology synthetic(const std::string& description) { return cpu::from_synthetic(description).value(); }

// As in the placement specification.
cpu::Topology t2() {
    return synthetic("package:2 [numa] l3:1 core:4 pu:2(indexes=0,8,2,10,4,12,6,14,1,9,3,11,5,13,7,15)");
}
cpu::Topology t5() {
    cpu::Topology topology = cpu::restricted(synthetic("package:1 l3:1 l2:6 core:4 pu:2"),
                                             cpus("0-1,8-9,16-17,24-25,32,34,36,38,40,42,44,46"));
    topology.kinds = {{cpus("32,34,36,38,40,42,44,46")}, {cpus("0-1,8-9,16-17,24-25")}};
    return topology;
}

cpu::PoolRequest pool(const std::string& name, std::uint32_t workers, CpuRequest request) {
    return {name, {.automatic = false, .number = workers}, std::move(request)};
}
CpuExclusive cores(std::uint32_t count) { return {CpuExclusive::Unit::cores, count}; }

struct Scene {
    cpu::Topology topology;
    std::vector<cpu::PoolRequest> requests;
    MachineSpec machine = {};
    CpuSet forbidden = {};
    CpuSet offline = {};

    [[nodiscard]] cpu::Universe universe() const {
        return {.allowed = topology.root.cpus - forbidden, .machine = machine, .quota = {}};
    }
    [[nodiscard]] cpu::Plan plan() const { return cpu::plan(topology, universe(), requests, {}); }
    [[nodiscard]] MachineDrawing drawn() const { return draw_machine(topology, universe(), plan(), offline); }
};

Scene mixed() {
    CpuExclusive packed = cores(1);
    packed.place = CpuExclusive::Place::pack;
    packed.within = CpuScope{{}, {{CpuLevel::numa, 1}}};
    return {t2(),
            {pool("api", 4, cores(1)), pool("batch", 3, CpuAuto{}), pool("db", 2, packed), pool("log", 1, CpuNone{})}};
}

Scene idle_and_withheld() {
    CpuExclusive one = cores(1);
    one.smt = CpuExclusive::Smt::one;
    Scene scene{synthetic("package:1 l3:1 core:4 pu:2(indexes=2*4:4*1)"), {pool("api", 2, one)}};
    scene.machine.reserve_cores = 1;
    scene.forbidden = cpus("3,7");
    scene.offline = cpus("8-9");
    return scene;
}

Scene large() {
    CpuExclusive cache{CpuExclusive::Unit::l3, 1};
    Scene scene{synthetic("package:2 group:4 [numa] l3:4 core:8 pu:2(indexes=2*256:256*1)"),
                {pool("api", 12, cores(4)), pool("batch", 60, CpuAuto{}), pool("cache", 2, cache),
                 pool("log", 1, CpuNone{}), pool("thread", 3, CpuExclusive{CpuExclusive::Unit::threads, 1})}};
    scene.machine.reserve_per = CpuLevel::numa;
    scene.machine.reserve_cores = 1;
    scene.machine.cpus = cpus("0-223,256-479");
    return scene;
}

std::string at_widths(const MachineDrawing& drawing, TerminalTraits traits) {
    std::string text;
    for (const std::size_t width : {40, 80, 140}) {
        traits.width = width;
        text += "=== " + std::to_string(width) + "\n" + drawing_text(drawing, traits);
    }
    return text;
}

TEST(MachineDrawing, LooksAsInTheGoldenTexts) {
    const TerminalTraits terminal{.tty = true, .utf8 = true};
    const TerminalTraits coloured{.tty = true, .utf8 = true, .colour = true};
    const std::vector<std::pair<std::string, std::string>> texts{
        {"drawing_two_sockets.txt", at_widths(mixed().drawn(), terminal)},
        {"drawing_two_sockets_colour.txt", at_widths(mixed().drawn(), coloured)},
        {"drawing_withheld.txt", at_widths(idle_and_withheld().drawn(), terminal)},
        {"drawing_hybrid.txt",
         at_widths(Scene{t5(), {pool("api", 3, cores(1)), pool("bg", 9, CpuAuto{})}}.drawn(), terminal)},
        {"drawing_512.txt", at_widths(large().drawn(), terminal)},
        {"drawing_two_cpus_pipe.txt",
         drawing_text(Scene{synthetic("core:2 pu:1"), {pool("web", 3, CpuAuto{})}}.drawn(), {})},
        {"drawing_two_sockets.svg", drawing_svg(mixed().drawn(), "Seats of four pools")},
    };
    for (const auto& [name, text] : texts) EXPECT_EQ(golden(name, text), text) << name;
}

TEST(MachineDrawing, SharedCpusAreThoseThatNobodyHasAndSignsSayWhose) {
    const MachineDrawing drawing = idle_and_withheld().drawn();
    EXPECT_EQ(drawing.counts, "1 package, 1 NUMA node, 1 L3 cache, 4 cores, 8 CPUs");
    ASSERT_EQ(drawing.machine.rows.size(), 1U);
    std::string labels;
    for (const auto& core : drawing.machine.rows[0].cores)
        for (const DrawnThread& thread : core) labels += label_of(thread.mark, drawing) + " ";
    EXPECT_EQ(labels, "# # A0 ~ A1 ~ x x ");
    EXPECT_TRUE(drawing.idle);
    EXPECT_FALSE(drawing.crowded);
    const auto signs = signs_of(drawing);
    ASSERT_EQ(signs.size(), 2U);
    EXPECT_EQ(signs[0].meaning + " " + signs[0].cpus.to_list(), "reserved, not for pools 0,4");
    EXPECT_EQ(signs[1].meaning + " " + signs[1].cpus.to_list(), "not ours 3,7");
}

TEST(MachineDrawing, LettersGoToPoolsWithSeatsAndSoftOnesAreSmall) {
    const MachineDrawing drawing = mixed().drawn();
    std::string letters;
    for (const DrawnPool& each : drawing.pools) letters += each.name + "=" + each.letter + " ";
    EXPECT_EQ(letters, "api=A batch=b db=C log= ");
    EXPECT_TRUE(drawing.crowded);  // three soft workers on two cores
}

TEST(MachineDrawing, ManyPoolsHaveLettersOfTheirOwn) {
    Scene scene{synthetic("package:1 core:60 pu:1"), {}};
    for (int i = 0; i < 60; ++i) scene.requests.push_back(pool("p" + std::to_string(100 + i), 1, cores(1)));
    const MachineDrawing drawing = scene.drawn();
    EXPECT_EQ(drawing.pools[25].letter, "Z");
    EXPECT_EQ(drawing.pools[26].letter, "AA");
    EXPECT_EQ(drawing.pools[59].letter, "BH");
}

TEST(MachineDrawing, LongListsOfCpusAreCountedOnly) {
    EXPECT_EQ(cpus_text(cpus("0-3,8")), "5 CPUs: 0-3, 8");
    EXPECT_EQ(cpus_text(cpus("4")), "1 CPU: 4");
    CpuSet odd;
    for (std::uint32_t cpu = 1; cpu < 512; cpu += 2) odd.add(cpu);
    EXPECT_EQ(cpus_text(odd), "256 CPUs");
}

// A random machine with random pools on it.
Scene random_scene(std::mt19937& random) {
    static const std::vector<cpu::Topology> machines{t2(),
                                                     t5(),
                                                     synthetic("pu:1"),
                                                     synthetic("package:2 l3:2 core:3 pu:2"),
                                                     synthetic("core:9 pu:4"),
                                                     synthetic("package:2 group:2 [numa] l3:2 core:5 pu:2"),
                                                     synthetic("package:4 [numa] l3:4 core:8 pu:2")};
    Scene scene{machines[random() % machines.size()], {}};
    for (std::uint64_t i = 0, count = random() % 6; i < count; ++i) {
        std::string name(1 + random() % 40, static_cast<char>(static_cast<std::uint64_t>(97) + i));
        const auto workers = static_cast<std::uint32_t>(random() % 9);
        switch (random() % 4) {
            case 0: scene.requests.push_back(pool(name, workers, CpuAuto{})); break;
            case 1: scene.requests.push_back(pool(name, workers, CpuNone{})); break;
            case 2:
                scene.requests.push_back(pool(name, workers % 3, CpuExclusive{CpuExclusive::Unit::threads, 1}));
                break;
            default: scene.requests.push_back(pool(name, workers % 3, cores(1 + workers % 2)));
        }
    }
    for (const std::uint32_t cpu : scene.topology.root.cpus.members())
        if (random() % 6 == 0 && scene.forbidden.count() + 1 < scene.topology.root.cpus.count())
            scene.forbidden.add(cpu);
    scene.machine.reserve_cores = random() % 2;
    return scene;
}

void collect(const DrawnDomain& domain, std::vector<std::uint32_t>& drawn) {
    for (const DrawnRow& row : domain.rows)
        for (const auto& core : row.cores)
            for (const DrawnThread& thread : core) drawn.push_back(thread.cpu);
    for (const DrawnDomain& child : domain.children) collect(child, drawn);
}

TEST(MachineDrawing, FitsAnyTerminalAndDrawsEachCpuOnce) {
    std::mt19937 random(7);
    for (int round = 0; round < 300; ++round) {
        SCOPED_TRACE(round);
        const Scene scene = random_scene(random);
        const MachineDrawing drawing = scene.drawn();
        std::vector<std::uint32_t> drawn;
        collect(drawing.machine, drawn);
        std::ranges::sort(drawn);
        EXPECT_EQ(drawn, scene.topology.root.cpus.members());
        for (const std::size_t width : {20, 33, 40, 80, 140}) {
            const std::string plain = drawing_text(drawing, {.tty = true, .width = width, .utf8 = true});
            for (std::string_view line : split(plain, '\n')) EXPECT_LE(display_width(line), width) << line;
            EXPECT_TRUE(std::ranges::all_of(plain, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
            const std::string coloured =
                drawing_text(drawing, {.tty = true, .width = width, .utf8 = true, .colour = true});
            EXPECT_EQ(std::regex_replace(coloured, std::regex("\x1b\\[[0-9;]*m"), ""), plain);
        }
        EXPECT_EQ(drawing_text(drawing, {}), drawing_text(drawing, {.tty = true, .width = 80}));
    }
}

TEST(MachineDrawing, EachSeatIsLetteredOnAllItsCpus) {
    std::mt19937 random(11);
    for (int round = 0; round < 200; ++round) {
        const Scene scene = random_scene(random);
        const cpu::Plan plan = scene.plan();
        const MachineDrawing drawing = scene.drawn();
        std::map<std::uint32_t, std::string> labels;
        const auto read = [&](const auto& self, const DrawnDomain& domain) -> void {
            for (const DrawnRow& row : domain.rows)
                for (const auto& core : row.cores)
                    for (const DrawnThread& thread : core) labels[thread.cpu] = label_of(thread.mark, drawing);
            for (const DrawnDomain& child : domain.children) self(self, child);
        };
        read(read, drawing.machine);
        for (std::size_t i = 0; i < plan.pools.size(); ++i)
            for (const cpu::Seat& seat : plan.pools[i].seats)
                for (const std::uint32_t cpu : seat.cpus.members()) {
                    if (seat.exclusive) {
                        EXPECT_EQ(labels[cpu], drawing.pools[i].letter + std::to_string(seat.slot));
                    } else {
                        EXPECT_TRUE(std::islower(static_cast<unsigned char>(labels[cpu].front()))) << labels[cpu];
                    }
                }
        for (const std::uint32_t cpu : scene.forbidden.members()) EXPECT_EQ(labels[cpu], "x");
    }
}

TEST(MachineSvg, IsWellFormedAndTellsAllThatItShows) {
    const std::string svg = drawing_svg(mixed().drawn(), "Seats of <a> & \"b\"");
    EXPECT_THAT(svg, HasSubstr("<title id=\"title\">Seats of &lt;a&gt; &amp; &quot;b&quot;</title>"));
    EXPECT_THAT(svg, HasSubstr("xmlns=\"http://www.w3.org/2000/svg\""));
    EXPECT_THAT(svg, HasSubstr("role=\"img\""));
    EXPECT_THAT(svg, HasSubstr("prefers-color-scheme:dark"));
    EXPECT_THAT(svg, HasSubstr("db, 2 exclusive seats, 4 CPUs: 1, 3, 9, 11."));
    EXPECT_THAT(svg, HasSubstr(">C1</text>"));
    EXPECT_THAT(svg, Not(HasSubstr("href")));  // nothing is loaded from elsewhere
    // Every element is closed, in order.
    std::vector<std::string> open;
    const std::regex tag("<(/?)([a-z]+)([^>]*?)(/?)>");
    for (std::sregex_iterator i(svg.begin(), svg.end(), tag), end; i != end; ++i) {
        if ((*i)[4].length() > 0) continue;
        if ((*i)[1].length() == 0) {
            open.push_back((*i)[2]);
        } else {
            ASSERT_FALSE(open.empty());
            EXPECT_EQ(open.back(), (*i)[2]);
            open.pop_back();
        }
    }
    EXPECT_TRUE(open.empty());
}

TEST(MachineSvg, NothingLiesOutsideThePageOrOnAnotherCell) {
    std::mt19937 random(3);
    for (int round = 0; round < 60; ++round) {
        const std::string svg = drawing_svg(random_scene(random).drawn(), "x");
        std::smatch page;
        ASSERT_TRUE(std::regex_search(svg, page, std::regex("viewBox=\"0 0 (\\d+) (\\d+)\"")));
        struct Box {
            int x, y, width, height;
        };
        std::vector<Box> cells;
        const std::regex rect(
            "<rect class=\"(cell[^\"]*|core|frame)\" x=\"(\\d+)\" y=\"(\\d+)\" width=\"(\\d+)\" height=\"(\\d+)\"");
        for (std::sregex_iterator i(svg.begin(), svg.end(), rect), end; i != end; ++i) {
            const Box box{std::stoi((*i)[2]), std::stoi((*i)[3]), std::stoi((*i)[4]), std::stoi((*i)[5])};
            EXPECT_LE(box.x + box.width, std::stoi(page[1]));
            EXPECT_LE(box.y + box.height, std::stoi(page[2]));
            if ((*i)[1].str().starts_with("cell")) cells.push_back(box);
        }
        for (std::size_t a = 0; a < cells.size(); ++a)
            for (std::size_t b = a + 1; b < cells.size(); ++b)
                EXPECT_FALSE(cells[a].x < cells[b].x + cells[b].width && cells[b].x < cells[a].x + cells[a].width &&
                             cells[a].y < cells[b].y + cells[b].height && cells[b].y < cells[a].y + cells[a].height)
                    << a << " and " << b;
    }
}

}  // namespace
}  // namespace pinion::ctl
