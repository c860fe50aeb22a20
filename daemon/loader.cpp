// SPDX-License-Identifier: Apache-2.0
#include "daemon/loader.h"

#include "cpu/foreign.h"

namespace pinion::daemon {

Loaded load_now(const config::LoadOptions& options) { return {config::load(options), read_machine()}; }

void look_for_strangers(Loaded& loaded) {
    if (!loaded.config || !loaded.machine) return;
    if (loaded.config->machine().foreign_pins == MachineSpec::ForeignPins::ignore) return;
    loaded.machine->foreign = cpu::find_foreign_pins();
}

}  // namespace pinion::daemon
