// SPDX-License-Identifier: Apache-2.0
#include "supervise/supervisor.h"

#include "supervise/supervisor_impl.h"

namespace pinion::supervise {

Supervisor::Supervisor(std::uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
Supervisor::~Supervisor() = default;

void Supervisor::handle(const Event& event, MonotonicTime now, Effects& effects) { impl_->handle(event, now, effects); }

MonotonicTime Supervisor::next_deadline() const { return impl_->next_deadline(); }

bool Supervisor::has_pool(std::string_view pool) const { return impl_->find(pool) != nullptr; }

bool Supervisor::has_slot(std::string_view pool, Slot slot) const {
    const Pool* found = impl_->find(pool);
    return found != nullptr && found->has_slot(slot);
}

std::vector<PoolView> Supervisor::pools() const { return impl_->views(); }

std::optional<PoolView> Supervisor::pool(std::string_view name) const {
    const Pool* found = impl_->find(name);
    if (found == nullptr) return std::nullopt;
    return impl_->view(*found);
}

std::vector<WorkerView> Supervisor::workers(std::string_view pool) const {
    const Pool* found = impl_->find(pool);
    return found ? found->workers() : std::vector<WorkerView>{};
}

std::vector<PastLife> Supervisor::history(std::string_view pool, Slot slot) const {
    const Pool* found = impl_->find(pool);
    return found ? found->history(slot) : std::vector<PastLife>{};
}

SpecPtr Supervisor::spec(std::string_view pool) const {
    const Pool* found = impl_->find(pool);
    return found ? found->spec() : nullptr;
}

bool Supervisor::shutting_down() const { return impl_->shutting_down(); }

}  // namespace pinion::supervise
