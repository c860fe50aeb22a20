// SPDX-License-Identifier: Apache-2.0
#include "tmux.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>

#include "base/text.h"

extern char** environ;

namespace pinion::test {
namespace {

constexpr const char* rows = "200";  // more than any screen here has lines: what scrolls away can't be seen
constexpr const char* divider = "=== unwrapped";

// Shows and captures one command. What the terminal answers to a question that comes after the text tells that it has
// taken in the text; only then is it asked what is to be seen.
constexpr const char* prologue = R"(stty -echo
show() {
    local name=$1
    shift
    printf '\033[H\033[2J\033[3J'
    "$@"
    printf '\033[6n'
    IFS= read -rs -d R _
    tmux capture-pane -p -e \; display-message -p '=== unwrapped' \; capture-pane -p -J >"$folder/$name"
}
)";

std::string quoted(const std::string& word) {
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

std::string script_for(const std::string& folder, std::size_t width, const std::vector<Show>& shows) {
    std::string script = "folder=" + quoted(folder) + "\n" + prologue;
    for (const Show& show : shows) {
        script += "show " + quoted(show.name);
        for (const std::string& word : show.words()) script += " " + quoted(word);
        script += "\n";
    }
    // The server lives as long as a terminal of it does: it stays until it has been told that we know.
    return script + "tmux wait-for -S shown-" + std::to_string(width) + "\ntmux wait-for leave\n";
}

Screen read_screen(const std::string& path) {
    const std::string text = read_file(path, 1 << 20).value_or("");
    const std::size_t at = text.find(divider);
    EXPECT_NE(at, std::string::npos) << path << ":\n" << text;
    if (at == std::string::npos) return {};
    return {text.substr(0, at), text.substr(text.find('\n', at) + 1)};
}

class Server {
public:
    explicit Server(std::string socket) : socket_(std::move(socket)) {}
    ~Server() { static_cast<void>(run(words({"kill-server"}))); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    void operator()(const std::vector<std::string>& arguments) const {
        const Output output = run(words(arguments));
        EXPECT_EQ(output.code, 0) << "tmux " << join(arguments, " ") << ": " << output.err;
    }

private:
    [[nodiscard]] std::vector<std::string> words(const std::vector<std::string>& arguments) const {
        std::vector<std::string> command{"env", "-u",        "TMUX", "LC_ALL=C.UTF-8", "tmux", "-u",
                                         "-f",  "/dev/null", "-S",   socket_};
        command.insert(command.end(), arguments.begin(), arguments.end());
        return command;
    }
    std::string socket_;
};

// The colour in force: what SGR parameters leave of it.
struct Paint {
    bool bold = false;
    std::string colour;

    void apply(std::string_view parameters) {
        for (std::string_view parameter : split(parameters, ';')) {
            if (parameter.empty() || parameter == "0") *this = {};
            if (parameter == "1") bold = true;
            if (parameter == "22") bold = false;
            if (parameter == "39") colour.clear();
            if (parameter.size() == 2 && parameter[0] == '3' && parameter[1] != '9') colour = parameter;
        }
    }
    [[nodiscard]] std::string mark() const {
        if (!bold) return "<" + colour + ">";
        return colour.empty() ? "<1>" : "<1;" + colour + ">";
    }
};

}  // namespace

std::vector<std::string> Show::words() const {
    std::vector<std::string> words{"env"};
    words.insert(words.end(), environment.begin(), environment.end());
    words.insert(words.end(), command.begin(), command.end());
    return words;
}

Screens show_in_tmux(const ScratchFolder& folder, const std::vector<std::size_t>& widths,
                     const std::vector<Show>& shows) {
    const Server tmux(folder / "tmux.sock");
    for (const std::size_t width : widths) {
        const std::string name = std::to_string(width);
        std::filesystem::create_directory(folder / name);
        write_text(folder / (name + ".sh"), script_for(folder / name, width, shows));
        tmux({"new-session", "-d", "-s", name, "-x", name, "-y", rows, "bash", folder / (name + ".sh")});
    }
    Screens screens;
    for (const std::size_t width : widths) {
        const std::string name = std::to_string(width);
        tmux({"wait-for", "shown-" + name});
        for (const Show& show : shows) screens[width][show.name] = read_screen(folder / (name + "/" + show.name));
    }
    return screens;
}

std::string bytes_for_terminal(const Show& show, std::size_t columns) {
    int master = -1;
    int slave = -1;
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = 200;
    EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
    const UniqueFd ours(master);
    UniqueFd theirs(slave);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (int fd = 0; fd <= 2; ++fd) posix_spawn_file_actions_adddup2(&actions, slave, fd);
    posix_spawn_file_actions_addclose(&actions, master);
    std::vector<std::string> words = show.words();
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t pid = -1;
    EXPECT_EQ(::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    theirs.reset();
    std::string text;
    char buffer[4096];
    // The end of a terminal is told by EIO.
    for (ssize_t n; (n = ::read(ours.fd(), buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    ::waitpid(pid, nullptr, 0);
    std::erase(text, '\r');
    return text;
}

std::string canonical(const std::string& text) {
    std::string result;
    Paint now;
    Paint shown;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::size_t end = text.find_first_not_of("0123456789;", std::min(i + 2, text.size()));
        if (text.compare(i, 2, "\x1b[") == 0 && end != std::string::npos && text[end] == 'm') {
            now.apply(std::string_view(text).substr(i + 2, end - i - 2));
            i = end;
            continue;
        }
        if (text[i] == '\n') result.erase(result.find_last_not_of(' ') + 1);
        if (text[i] != ' ' && text[i] != '\n' && now.mark() != shown.mark()) {
            result += now.mark();
            shown = now;
        }
        result += text[i];
    }
    result.erase(result.find_last_not_of(" \n") + 1);
    return result + "\n";
}

std::string without_colour(const std::string& text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.compare(i, 2, "\x1b[") == 0)
            i = std::min(text.find('m', i), text.size());
        else
            result += text[i];
    }
    return canonical(result);
}

}  // namespace pinion::test
