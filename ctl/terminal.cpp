// SPDX-License-Identifier: Apache-2.0
#include "ctl/terminal.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "ctl/display.h"

namespace pinion::ctl {

namespace {

constexpr std::size_t narrowest = 20;  // below this no table can be read: it is drawn for this width

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

TerminalEnvironment read_terminal_environment(ColourChoice colour) {
    std::setlocale(LC_CTYPE, "");
    TerminalEnvironment environment;
    environment.colour = colour;
    environment.no_color = !variable("NO_COLOR").empty();
    environment.term = variable("TERM");
    if (auto columns = parse_integer(variable("COLUMNS")); columns && *columns > 0)
        environment.columns = static_cast<std::size_t>(*columns);
    environment.utf8 = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    return environment;
}

TerminalTraits decide_traits(const TerminalEnvironment& environment, bool tty, std::size_t width, std::size_t height) {
    TerminalTraits traits;
    traits.tty = tty;
    traits.utf8 = environment.utf8;
    if (width > 0) traits.width = width;
    if (environment.columns) traits.width = *environment.columns;
    if (traits.width < narrowest) traits.width = narrowest;
    if (height > 0) traits.height = height;
    const bool dumb = environment.term.empty() || environment.term == "dumb";
    traits.colour = environment.colour == ColourChoice::always ||
                    (environment.colour == ColourChoice::automatic && tty && !environment.no_color && !dumb);
    return traits;
}

TerminalTraits read_traits(int fd, const TerminalEnvironment& environment) {
    winsize size{};
    if (isatty(fd) == 0) return decide_traits(environment, false, 0, 0);
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) size = {};
    return decide_traits(environment, true, size.ws_col, size.ws_row);
}

std::string paint(const std::string& text, Colour colour, const TerminalTraits& traits) {
    if (!traits.colour) return text;
    switch (colour) {
        case Colour::red: return "\x1b[1;31m" + text + "\x1b[0m";
        case Colour::yellow: return "\x1b[1;33m" + text + "\x1b[0m";
        case Colour::green: return "\x1b[1;32m" + text + "\x1b[0m";
        case Colour::magenta: return "\x1b[1;35m" + text + "\x1b[0m";
        case Colour::cyan: return "\x1b[1;36m" + text + "\x1b[0m";
        case Colour::none: break;
    }
    return text;
}

std::string paragraph(const std::string& text, std::size_t indent, const TerminalTraits& traits) {
    if (!traits.tty) return text + "\n";
    return wrap(traits.utf8 ? text : to_ascii(text), traits.width, indent);
}

}  // namespace pinion::ctl
