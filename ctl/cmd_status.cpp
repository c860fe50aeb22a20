// SPDX-License-Identifier: Apache-2.0
// `status`: what runs, once or, with --watch, for as long as one looks.
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/fd.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/interrupt.h"
#include "ctl/machine_svg.h"
#include "ctl/machine_text.h"
#include "ctl/pins_screen.h"
#include "ctl/placement_now.h"
#include "ctl/status_screen.h"
#include "ctl/waiting.h"

namespace pinion::ctl {

namespace {

using namespace std::chrono_literals;

constexpr const char* enter_screen = "\x1b[?1049h\x1b[?25l";  // the alternate screen, no cursor
constexpr const char* leave_screen = "\x1b[?25h\x1b[?1049l";
constexpr Duration redraw_every = 1s;       // for counters, which send no events
constexpr Duration redraws_apart = 100ms;   // at least, however fast events come
constexpr std::size_t lines_kept_free = 5;  // under the table: totals, hidden columns

struct Look {
    Snapshot snapshot;
    std::vector<LogLine> lines;
    std::optional<MachineDrawing> drawing;
};

bool draws(const StatusOptions& options) { return options.draw || !options.svg.empty(); }

Answer<Look> look(Client& client, const StatusOptions& options, const Context& context) {
    Look look;
    PINION_TRY(pools, client.pools());
    look.snapshot.pools = std::move(pools);
    if (options.by_state) sort_by_state(look.snapshot.pools);
    const bool all = options.pool.empty();
    if (!all && find_pool(look.snapshot, options.pool) == nullptr) return no_such_pool(look.snapshot, options.pool);
    if (!all || context.wants_json() || options.pins || draws(options)) {
        PINION_TRY(workers, client.workers(options.pool));
        look.snapshot.workers = std::move(workers);
    }
    if (!all) std::erase_if(look.snapshot.pools, [&](const PoolRow& pool) { return pool.name != options.pool; });
    if (draws(options)) {
        PINION_TRY(now, read_placement(client, look.snapshot, context));
        look.drawing = now.drawing();
    }
    if (!all && !options.pins && !context.wants_json()) {
        PINION_TRY(lines, client.last_lines(options.pool));
        const std::size_t surplus = lines.size() > 10 ? lines.size() - 10 : 0;
        lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(surplus));
        look.lines = std::move(lines);
    }
    return look;
}

Answer<std::string> screen(const Look& look, const StatusOptions& options, const Context& context,
                           const TerminalTraits& traits, bool bounded) {
    ScreenOptions screen_options{.wide = options.wide, .columns = context.global.columns};
    if (bounded && traits.height > lines_kept_free + 1) screen_options.max_rows = traits.height - lines_kept_free - 1;
    if (options.draw) return drawing_text(*look.drawing, traits);
    if (options.pins) return pins_screen(look.snapshot.workers, screen_options, traits);
    const Duration now = wall_now().time_since_epoch();
    if (options.pool.empty()) return pools_screen(look.snapshot.pools, screen_options, traits, now);
    return workers_screen(look.snapshot.workers, look.lines, screen_options, traits, now);
}

wire::Json document_of(const Look& look, const StatusOptions& options) {
    if (options.pins) return pins_document(look.snapshot.workers);
    return status_document(look.snapshot.pools, look.snapshot.workers);
}

void print_as_json(const Look& look, const StatusOptions& options, const Context& context) {
    const wire::Json document = document_of(look, options);
    if (context.global.format == Format::json) return print_document(context, document);
    for (const wire::Json& row : document.find(options.pins ? "pins" : "pools")->items()) print_json_line(context, row);
}

// Writes the drawing; whether the answer is given with that.
Answer<bool> write_svg(const Look& look, const StatusOptions& options, const Context& context) {
    if (options.svg.empty()) return false;
    const std::string svg = drawing_svg(*look.drawing, "Where the workers sit");
    if (options.svg == "-") {
        print(context, svg);
        return true;
    }
    if (auto written = write_file_atomically(options.svg, svg); !written)
        return refuse(Exit::failed, "status: write the drawing: " + written.error().message);
    return false;
}

// Where a pool would be declared, in the daemon's own words.
void say_nothing_is_defined(Client& client, const Context& context) {
    std::string place = "/etc/pinion/pools.d/NAME.yaml";
    if (auto stats = client.stats()) {
        const wire::Json* config = stats->find("config");
        const std::string* path = config == nullptr ? nullptr : config->as_string();
        if (path != nullptr && !path->empty())
            place = path->ends_with(".yaml") || path->ends_with(".yml") ? *path : *path + "/pools.d/NAME.yaml";
    }
    complain(context, "no pools are defined: put one into '" + place + "', then say 'pinionctl reload'");
}

Answer<void> show_once(Client& client, const StatusOptions& options, const Context& context) {
    PINION_TRY(seen, look(client, options, context));
    PINION_TRY(answered, write_svg(seen, options, context));
    if (answered) return {};
    if (context.wants_json()) {
        print_as_json(seen, options, context);
        return {};
    }
    if (seen.snapshot.pools.empty()) {
        say_nothing_is_defined(client, context);
        return {};
    }
    PINION_TRY(text, screen(seen, options, context, context.out_traits, false));
    print(context, text);
    return {};
}

// One frame over the last: each line erased to its end, what is below erased as a whole, so that nothing flickers.
std::string frame(const std::string& text, std::size_t height) {
    std::string result = "\x1b[H";
    std::size_t rows = 0;
    for (std::size_t at = 0; at < text.size() && rows + 1 < height; ++rows) {
        const std::size_t end = text.find('\n', at);
        result += text.substr(at, end - at) + "\x1b[K\n";
        at = end == std::string::npos ? text.size() : end + 1;
    }
    return result + "\x1b[J";
}

TerminalTraits traits_now(const Context& context) {
    if (!context.out_traits.tty) return context.out_traits;
    TerminalTraits traits = read_traits(::fileno(context.out), read_terminal_environment(context.global.colour));
    return traits;
}

// Waits for the next reason to redraw: events, the second that has passed, a changed window.
Answer<void> wait_for_change(Client& client) {
    const MonotonicTime drawn = MonotonicClock::now();
    PINION_TRY(event, client.next_event(redraw_every));
    while (event) {
        const Duration rest = redraws_apart - (MonotonicClock::now() - drawn);
        auto more = client.next_event(std::max(rest, Duration::zero()));
        if (!more) return std::unexpected(more.error());
        event = std::move(*more);
    }
    return {};
}

Answer<void> watch(Client& client, const StatusOptions& options, const Context& context) {
    PINION_CHECK(client.subscribe());
    std::string before;
    for (;;) {
        PINION_TRY(seen, look(client, options, context));
        std::string text;
        const TerminalTraits traits = traits_now(context);
        if (context.wants_json()) {
            text = document_of(seen, options).dump() + "\n";
        } else {
            PINION_TRY(drawn, screen(seen, options, context, traits, traits.tty));
            text = std::move(drawn);
        }
        if (traits.tty && !context.wants_json())
            print(context, frame(text, traits.height));
        else if (text != before)
            print(context, before.empty() || context.wants_json() ? text : "\n" + text);
        std::fflush(context.out);
        if (std::ferror(context.out) != 0) return {};
        before = std::move(text);
        PINION_CHECK(wait_for_change(client));
    }
}

Answer<void> watch_on_screen(Client& client, const StatusOptions& options, const Context& context) {
    if (!context.out_traits.tty || context.wants_json()) return watch(client, options, context);
    set_last_words(leave_screen, nullptr);
    print(context, enter_screen);
    auto result = watch(client, options, context);
    print(context, leave_screen);
    std::fflush(context.out);
    set_last_words(nullptr, nullptr);
    return result;
}

}  // namespace

Exit run(const StatusOptions& options, Context& context) {
    auto client = Client::connect(context.global.runtime_dir);
    if (!client) return report(context, client.error());
    auto shown = options.watch ? watch_on_screen(*client, options, context) : show_once(*client, options, context);
    return shown ? Exit::done : report(context, shown.error());
}

}  // namespace pinion::ctl
