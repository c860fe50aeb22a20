// SPDX-License-Identifier: Apache-2.0
// `map`: inputs from the command line or standard input, results to standard output. Both are streams: no more inputs
// are read than the daemon takes, no more results asked for than are printed.
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "ctl/commands.h"
#include "ctl/display.h"
#include "ctl/interrupt.h"
#include "ctl/job_access.h"
#include "ctl/map_display.h"

namespace pinion::ctl {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t failures_shown = 10;
constexpr std::size_t results_at_once = 256;  // then inputs and progress get their turn

class MapRun {
public:
    MapRun(const MapJobsOptions& options, const Context& context, JobClient& client, JobMap map)
        : options_(options),
          context_(context),
          client_(client),
          map_(std::move(map)),
          source_(STDIN_FILENO),
          cpu_before_(options.progress == ProgressMode::none ? std::nullopt : cpu_time()),
          display_(context, options.progress, name(), MonotonicClock::now()) {}

    Answer<Exit> run() {
        while (!map_.done() && std::ferror(context_.out) == 0) {
            print_results();
            PINION_CHECK(give_inputs());
            const MonotonicTime now = MonotonicClock::now();
            const auto progress = map_.progress();
            display_.update(now, progress.finished, progress.failed, progress.total);
            if (map_.done()) break;
            std::fflush(context_.out);
            const bool listening = reads_stdin() && source_.wants_more() && map_.has_room();
            map_.wait(
                display_.due() == no_deadline ? Timeout::forever : Timeout(std::max(display_.due() - now, Duration(0))),
                listening ? source_.fd() : -1);
        }
        return finish();
    }

    [[nodiscard]] std::string name() const {
        if (!options_.name.empty()) return options_.name;
        return options_.attach.empty() ? map_.pool() : options_.attach;
    }
    [[nodiscard]] bool durable() const { return !options_.name.empty() || !options_.attach.empty(); }
    [[nodiscard]] const MapDisplay& display() const { return display_; }

private:
    [[nodiscard]] bool reads_stdin() const { return options_.attach.empty() && options_.inputs.empty(); }

    void print_results() {
        for (std::size_t i = 0; i < results_at_once; ++i) {
            const auto result = map_.take();
            if (!result) return;
            if (context_.out_traits.tty) display_.make_way();
            if (!result->ok()) ++bad_;
            if (context_.wants_json())
                print(context_, result_json(*result, true, map_.raw()));
            else if (result->ok())
                print(context_, to_line(result->result, options_.raw && !map_.raw()));
            else
                show_failure(*result);
        }
    }

    void show_failure(const JobResult& result) {
        if (++shown_ > failures_shown) return;
        display_.make_way();
        complain(context_, "input " + std::to_string(result.index) + ": " + failure_text(result));
        if (shown_ == failures_shown) complain(context_, "further failures are only counted");
    }

    Answer<void> give_inputs() {
        if (sealed_ || !options_.attach.empty()) return {};
        if (!reads_stdin()) {
            while (given_ < options_.inputs.size() && map_.has_room())
                map_.add(to_input(options_.inputs[given_++], map_.raw()));
            if (given_ == options_.inputs.size()) seal();
            return {};
        }
        while (map_.has_room()) {
            while (!source_.empty() && map_.has_room()) map_.add(to_input(source_.take(), map_.raw()));
            pollfd readable{source_.fd(), POLLIN, 0};
            if (!source_.wants_more() || ::poll(&readable, 1, 0) <= 0) break;
            PINION_CHECK(source_.read_some());
        }
        if (source_.ended()) seal();
        return {};
    }

    void seal() {
        map_.seal();
        sealed_ = true;
    }

    // Of the pool's workers; nothing where it can't be had, as from an older daemon: the results matter more.
    [[nodiscard]] std::optional<Duration> cpu_time() {
        try {
            return client_.cpu_time(map_.pool());
        } catch (const JobFailure&) {
            return std::nullopt;
        }
    }
    [[nodiscard]] std::optional<Duration> cpu_since() {
        const auto now = cpu_before_ ? cpu_time() : std::nullopt;
        return now ? std::optional(*now - *cpu_before_) : std::nullopt;
    }

    Exit finish() {
        const auto progress = map_.progress();
        const MonotonicTime now = MonotonicClock::now();
        if (std::ferror(context_.out) != 0) return Exit::failed;
        display_.update(now, progress.finished, std::max<std::uint64_t>(progress.failed, bad_), progress.finished);
        const std::string what = durable() ? name() : map_.pool();
        display_.finish(now, cpu_since(), "pinionctl jobs list " + what + " --failed");
        return bad_ > 0 ? Exit::failed : Exit::done;
    }

    const MapJobsOptions& options_;
    const Context& context_;
    JobClient& client_;
    JobMap map_;
    InputLines source_;
    std::optional<Duration> cpu_before_;
    MapDisplay display_;
    std::size_t given_ = 0;
    bool sealed_ = false;
    std::uint64_t bad_ = 0;  // failed or cancelled
    std::size_t shown_ = 0;
};

JobMap open(JobClient& client, const MapJobsOptions& options) {
    if (!options.attach.empty()) return client.attach(options.attach, options.pool);
    return client.open_map(options.pool, {.name = options.name,
                                          .unordered = options.unordered,
                                          .fail_fast = options.fail_fast,
                                          .priority = options.priority});
}

// What an interrupt says. Lives for ever, as the handler may come at any time.
const std::string& words_of(const MapRun& run) {
    static std::string words;
    words = run.display().draws_bar() ? "\r\x1b[K" : "";
    if (run.durable())
        words += "pinionctl: interrupted; '" + run.name() + "' goes on: 'pinionctl map --attach " + run.name() +
                 "' shows its results, 'pinionctl jobs cancel " + run.name() + "' ends it\n";
    else
        words += "pinionctl: interrupted; the map is cancelled\n";
    return words;
}

}  // namespace

Exit run(const MapJobsOptions& options, Context& context) {
    return with_jobs(context, [&](JobClient& client) {
        MapRun map(options, context, client, open(client, options));
        set_last_words(nullptr, words_of(map).c_str());
        auto exit = map.run();
        set_last_words(nullptr, nullptr);
        return exit ? *exit : report(context, exit.error());
    });
}

}  // namespace pinion::ctl
