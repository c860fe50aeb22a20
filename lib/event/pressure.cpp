// SPDX-License-Identifier: Apache-2.0
#include "event/pressure.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include <string_view>
#include <utility>

namespace pinion::event {

Result<CpuPressure> CpuPressure::open(Loop& loop, const std::string& file, std::move_only_function<void()> pressed) {
    PINION_TRY(opened, open_file(file, O_RDWR | O_NONBLOCK, 0));
    // Microseconds of waiting, of how many. The final NUL is the kernel's wish.
    constexpr std::string_view trigger("some 1000000 10000000\0", 22);
    if (auto written = write_all(opened.fd(), trigger); !written)
        return in_context("ask '" + file + "' for word of pressure", std::move(written).error());
    PINION_TRY(source, loop.add_io(opened.fd(), EPOLLPRI, Priority::commands,
                                   [pressed = std::move(pressed)](std::uint32_t events) mutable {
                                       if ((events & EPOLLPRI) != 0) pressed();
                                   }));
    return CpuPressure(std::move(opened), std::move(source));
}

}  // namespace pinion::event
