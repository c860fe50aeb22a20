// SPDX-License-Identifier: Apache-2.0
#include "event/uevents.h"

#include <linux/netlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>

namespace pinion::event {
namespace {

constexpr unsigned kernel_group = 1;  // 2 is udev's
constexpr std::size_t longest_message = 8192;

// Takes all that waits; whether it is of concern.
bool drain(int socket) {
    bool concerned = false;
    for (;;) {
        char message[longest_message];
        sockaddr_nl sender{};
        socklen_t size = sizeof sender;
        const ssize_t length =
            ::recvfrom(socket, message, sizeof message, 0, reinterpret_cast<sockaddr*>(&sender), &size);
        if (length < 0 && errno == EINTR) continue;
        // Messages were lost: one of them may have been of a CPU.
        if (length < 0 && errno == ENOBUFS) {
            concerned = true;
            continue;
        }
        if (length <= 0) return concerned;
        // Anybody may send to the address; only pid 0 is the kernel.
        if (sender.nl_pid == 0 && tells_of_cpu({message, static_cast<std::size_t>(length)})) concerned = true;
    }
}

}  // namespace

bool tells_of_cpu(std::string_view message) noexcept {
    const std::string_view headline = message.substr(0, message.find('\0'));
    const auto at = headline.find('@');
    const std::string_view action = headline.substr(0, at);
    if (at == std::string_view::npos ||
        (action != "online" && action != "offline" && action != "add" && action != "remove"))
        return false;
    std::string_view path = headline.substr(at + 1);
    constexpr std::string_view folder = "/devices/system/cpu/cpu";
    if (!path.starts_with(folder)) return false;
    path.remove_prefix(folder.size());
    return !path.empty() && path.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<CpuEvents> CpuEvents::open(Loop& loop, std::move_only_function<void()> changed) {
    UniqueFd socket(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
    if (!socket.valid()) return fail_last("open the kernel's device events");
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = kernel_group;
    if (::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return fail_last("listen to the kernel's device events");
    PINION_TRY(source, loop.add_io(socket.fd(), EPOLLIN, Priority::commands,
                                   [fd = socket.fd(), changed = std::move(changed)](std::uint32_t) mutable {
                                       if (drain(fd)) changed();
                                   }));
    return CpuEvents(std::move(socket), std::move(source));
}

}  // namespace pinion::event
