// SPDX-License-Identifier: Apache-2.0
// `events`: what the daemon remembers, and with -f what happens from now on.
#include <algorithm>

#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/display.h"
#include "ctl/status_screen.h"

namespace pinion::ctl {

namespace {

Colour colour_of(std::uint64_t priority) {
    if (priority <= 3) return Colour::red;
    return priority == 4 ? Colour::yellow : Colour::none;
}

void print_event(const Context& context, const EventRow& event) {
    if (context.wants_json()) return print_json_line(context, event.members);
    const Duration now = wall_now().time_since_epoch();
    const std::string name = paint(harmless(event.event), colour_of(event.priority), context.out_traits);
    const std::string line = clock_text(event.at, now) + " " + name + " " + harmless(event.message);
    print(context, paragraph(line, 4, context.out_traits));
    std::fflush(context.out);
}

Answer<void> show(Client& client, const EventsOptions& options, const Context& context) {
    if (options.follow) PINION_CHECK(client.subscribe());
    PINION_TRY(history, client.history());
    const std::size_t wanted = std::min(options.lines.value_or(history.size()), history.size());
    for (std::size_t i = history.size() - wanted; i < history.size(); ++i) print_event(context, history[i]);
    while (options.follow) {
        PINION_TRY(event, client.next_event(std::nullopt));
        if (!event) continue;
        // What happened between the subscription and the answer came twice.
        const bool known = std::ranges::any_of(history, [&](const EventRow& e) { return e.members == event->members; });
        if (!known) print_event(context, *event);
        if (std::ferror(context.out) != 0) return {};
        if (!known) history.clear();
    }
    return {};
}

}  // namespace

Exit run(const EventsOptions& options, Context& context) {
    auto client = Client::connect(context.global.runtime_dir);
    if (!client) return report(context, client.error());
    auto shown = show(*client, options, context);
    return shown ? Exit::done : report(context, shown.error());
}

}  // namespace pinion::ctl
