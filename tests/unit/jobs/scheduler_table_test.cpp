// SPDX-License-Identifier: Apache-2.0
// Drives a scheduler through random histories, prints which phases of jobs it saw lead where, and compares that with
// the table in docs/state-machines.md. PINION_UPDATE_DOCS=1 writes it there instead.
#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "harness.h"

namespace pinion::jobs {
namespace {

constexpr std::array inputs{"queued",      "due",    "worker arrived", "answered",
                            "worker gone", "cancel", "claim written",  "end written"};
using Cell = std::set<JobPhase>;
using Table = std::array<std::array<Cell, job_phases>, inputs.size()>;

class Explorer {
public:
    explicit Explorer(std::uint32_t seed) : random_(seed) {
        JobPoolSpec spec;
        spec.prefetch = 3;
        spec.job.jitter = 0;
        spec.job.delay = below(2) == 0 ? 0s : 1s;
        spec.job.attempts = 2;
        spec.job.timeout = 2s;
        spec.job.retry_on.timeout = true;
        desk_.pool(0, spec);
    }
    void run(Table& table) {
        for (int step = 0; step < 300; ++step) {
            const auto before = phases();
            const auto input = once();
            if (!input) continue;
            for (const Claim& claim : desk_.all<Claim>()) claims_.push_back(claim);
            for (const auto& [job, phase] : phases()) {
                const auto old = before.find(job);
                const JobPhase from = old == before.end() ? JobPhase::none : old->second;
                if (from != phase) table[*input][static_cast<std::size_t>(from)].insert(phase);
            }
        }
    }

private:
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
    [[nodiscard]] std::map<std::uint64_t, JobPhase> phases() const {
        std::map<std::uint64_t, JobPhase> all;
        for (std::uint64_t job = 1; job < next_job_; ++job) all[job] = desk_.phase(job);
        return all;
    }
    // One event, and its number among the inputs.
    std::optional<std::size_t> once() {
        switch (below(8)) {
            case 0: {
                auto job = Desk::job(next_job_++);
                if (below(3) == 0) job.not_before = desk_.now + 1s;
                job.interrupted = below(8) == 0;
                job.attempts = static_cast<std::uint16_t>(below(2));
                desk_.tell(job);
                return 0;
            }
            case 1: desk_.advance(1s); return 1;
            case 2:
                if (alive_) return std::nullopt;
                alive_ = true;
                desk_.arrive(0, ++generation_);
                return 2;
            case 3: {
                if (desk_.dispatches.empty()) return std::nullopt;
                const Dispatch sent = desk_.dispatches[desk_.dispatches.size() - 1 -
                                                       below(std::min<std::size_t>(3, desk_.dispatches.size()))];
                const Verdict verdict{
                    .outcome = below(2) == 0 ? Outcome::done : Outcome::error, .retry = {}, .after = {}};
                desk_.tell(JobAnswered{sent.worker, sent.attempt, verdict, {}, {}});
                return 3;
            }
            case 4:
                if (!alive_ || below(3) != 0) return std::nullopt;
                alive_ = false;
                desk_.tell(WorkerGone{
                    Desk::worker(0, generation_), below(2) == 0 ? Departure::crash : Departure::stopped, {}});
                return 4;
            case 5:
                if (next_job_ == 1 || below(3) != 0) return std::nullopt;
                desk_.tell(CancelRequested{JobId{1 + below(next_job_ - 1)}});
                return 5;
            case 6:
                if (claims_.empty()) return std::nullopt;
                desk_.tell(ClaimPersisted{claims_.back().worker, claims_.back().attempt});
                return 6;
            default:
                if (next_job_ == 1) return std::nullopt;
                desk_.tell(FinishPersisted{JobId{1 + below(next_job_ - 1)}});
                return 7;
        }
    }

    std::mt19937 random_;
    Desk desk_;
    std::vector<Claim> claims_;
    std::uint64_t next_job_ = 1;
    std::uint64_t generation_ = 0;
    bool alive_ = false;
};

std::string print(const Table& table) {
    std::ostringstream text;
    text << "| from \\ input |";
    for (const char* input : inputs) text << " " << input << " |";
    text << "\n|---|";
    for (std::size_t i = 0; i < inputs.size(); ++i) text << "---|";
    text << "\n";
    for (std::size_t row = 0; row < job_phases; ++row) {
        text << "| **" << to_string(static_cast<JobPhase>(row)) << "** |";
        for (const auto& column : table) {
            std::string cell;
            for (const JobPhase phase : column[row]) cell += (cell.empty() ? "" : ", ") + std::string(to_string(phase));
            text << " " << (cell.empty() ? "·" : cell) << " |";
        }
        text << "\n";
    }
    return text.str();
}

TEST(JobPhases, LeadWhereTheDocumentsSay) {
    Table table;
    for (std::uint32_t seed = 1; seed <= 300; ++seed) Explorer(seed).run(table);
    const std::string path = PINION_SOURCE_DIR "/docs/state-machines.md";
    std::stringstream document;
    document << std::ifstream(path).rdbuf();
    const std::string text = document.str();
    const std::string begin_mark = "<!-- job phases -->\n";
    const auto from = text.find(begin_mark) + begin_mark.size();
    const auto end = text.find("<!-- end of job phases -->\n");
    ASSERT_NE(end, std::string::npos) << path;
    if (std::getenv("PINION_UPDATE_DOCS") != nullptr) {
        std::ofstream(path) << text.substr(0, from) << print(table) << text.substr(end);
        return;
    }
    EXPECT_EQ(text.substr(from, end - from), print(table))
        << "run test_jobs with PINION_UPDATE_DOCS=1 and look at the difference";
}

TEST(JobPhases, AnEndIsAnEnd) {
    for (std::size_t to = 1; to < job_phases; ++to)
        EXPECT_FALSE(may_become(JobPhase::finishing, static_cast<JobPhase>(to)));
}

}  // namespace
}  // namespace pinion::jobs
