// SPDX-License-Identifier: Apache-2.0
#include "cpu/notes.h"

#include <algorithm>
#include <cstdio>
#include <functional>

#include "base/text.h"
#include "cpu/pool_search.h"

namespace pinion::cpu {
namespace {

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value);
    return text;
}

std::string unit_noun(CpuExclusive::Unit unit) {
    switch (unit) {
        case CpuExclusive::Unit::cores: return "core";
        case CpuExclusive::Unit::threads: return "thread";
        case CpuExclusive::Unit::l3: return noun_of(CpuLevel::l3);
        case CpuExclusive::Unit::numa: return noun_of(CpuLevel::numa);
        case CpuExclusive::Unit::package: break;
    }
    return noun_of(CpuLevel::package);
}

// "N cores" of `noun`, each seat being `size` of them: "6 seats x 2 cores = 12 cores".
std::string wish_text(std::uint64_t workers, std::uint32_t size, const std::string& noun) {
    return counted(workers, "seat") + " x " + counted(size, noun) + " = " + counted(workers * size, noun);
}

// Gives each unit of `units` to the pool whose seat touches it, else to nobody (it stays free). A unit is held by one
// pool only, explicit seats excepted; there the first by name counts.
std::vector<Holder> holders_of(const std::vector<CpuSet>& units, const Claims& claims, const std::string& except,
                               const std::function<CpuSet(const std::string&, const CpuSet&)>& widened) {
    std::vector<bool> given(units.size(), false);
    std::vector<Holder> holders;
    for (const auto& [pool, slots] : claims.by_pool()) {
        if (pool == except) continue;
        Holder holder{.pool = pool, .slots = {}, .units = 0};
        for (const auto& [slot, cpus] : slots) {
            const CpuSet wide = widened(pool, cpus);
            bool touched = false;
            for (std::size_t unit = 0; unit < units.size(); ++unit) {
                if (!units[unit].intersects(wide)) continue;
                touched = true;
                if (!given[unit]) ++holder.units;
                given[unit] = true;
            }
            if (touched) holder.slots.push_back(slot);
        }
        if (holder.units > 0) holders.push_back(std::move(holder));
    }
    return holders;
}

std::uint64_t sum(const std::vector<Holder>& holders) {
    std::uint64_t units = 0;
    for (const Holder& holder : holders) units += holder.units;
    return units;
}

std::string try_text(const std::vector<std::string>& ways) {
    return ways.empty() ? std::string() : ". Try: " + join(ways, " | ");
}

// The seat that a failed pool could not have, and the reach where that is so.
struct Shortage {
    const Failure& failure;
    const Reach& reach;
    std::uint64_t wanted = 0;  // seats in this reach
    std::uint64_t had = 0;     // that it can give
};

// The account of the reach in units of any kind, its own seats counting as free.
Account account_in(const Failure& failure, const Reach& reach, CpuExclusive::Unit unit) {
    const Context& context = failure.context;
    std::vector<CpuSet> units;
    for (const CpuSet& kind : reach.kinds)
        for (const CpuSet& each : context.tree(kind, unit).units()) units.push_back(each);
    Account account{.noun = unit_noun(unit), .scope = reach.name};
    // A unit that another pool has a thread of is closed, and so is what either keeps to itself.
    account.holders = holders_of(
        units, failure.claims, failure.wish.pool,
        [&](const std::string& pool, const CpuSet& cpus) { return failure.keep_out.closed(failure.wish, pool, cpus); });
    account.reserved = context.tree(reach.base, unit).units().size();
    account.reserved -= std::min<std::uint64_t>(account.reserved, context.tree(reach.cpus, unit).units().size());
    account.total = account.reserved + units.size();
    account.free = units.size() - sum(account.holders);
    return account;
}

// The pool's own request, but with a wider choice: what it then finds free.
Account account_with(const Failure& failure, const CpuSet& cpus, std::string name) {
    const Reach reach{.name = std::move(name), .cpus = cpus, .base = cpus, .kinds = {cpus}};
    return account_in(failure, reach, failure.wish.seat.unit);
}

// "kind: efficiency has 8, any has 12": where a hybrid machine has the cores that its fastest kind lacks.
std::string other_kinds(const Failure& failure) {
    const auto& kinds = failure.context.topology.kinds;
    const CpuSet& usable = failure.context.usable.cpus;
    if (kinds.size() < 2 || failure.wish.seat.kind != CpuExclusive::Kind::performance) return {};
    if (kinds_of(failure.context.topology, usable, CpuExclusive::Kind::any).size() < 2) return {};
    const CpuSet slow = usable - kinds.back().cpus;
    const Account efficiency = account_with(failure, slow, "");
    return "kind: efficiency has " + std::to_string(efficiency.free) + ", any has " +
           std::to_string(account_with(failure, usable, "").free) + " free " + efficiency.noun + "s";
}

std::vector<std::string> ways_out(const Shortage& shortage, const Account& account) {
    const Failure& failure = shortage.failure;
    const CpuExclusive& seat = failure.wish.seat;
    std::vector<std::string> ways;
    if (shortage.had > 0 && !failure.wish.count.per) ways.push_back("workers: " + std::to_string(shortage.had));
    if (seat.within) {
        const CpuSet kinds = account.scope.starts_with("kind")
                                 ? fastest_kind(failure.context.topology, failure.context.usable.cpus)
                                 : failure.context.topology.root.cpus;
        const Account all = account_with(failure, failure.context.usable.cpus & kinds, "");
        if (all.free > account.free) ways.push_back("within: all (" + std::to_string(all.free) + " free)");
    }
    const bool counts = seat.unit == CpuExclusive::Unit::cores || seat.unit == CpuExclusive::Unit::threads;
    const std::uint64_t smaller = account.free / shortage.wanted;
    if (counts && smaller >= 1 && smaller < seat.count) ways.push_back("cpu: " + counted(smaller, account.noun));
    if (seat.unit == CpuExclusive::Unit::cores && account.free < shortage.wanted) {
        const Account threads = account_in(failure, shortage.reach, CpuExclusive::Unit::threads);
        if (threads.free >= shortage.wanted)
            ways.push_back("cpu: " + counted(threads.free / shortage.wanted, "thread"));
    }
    if (const std::string kinds = other_kinds(failure); !kinds.empty()) ways.push_back(kinds);
    if (account.free > 0) ways.emplace_back("cpu: auto (a shared core for each)");
    return ways;
}

// Where a pool first lacks room. `claims` hold nothing of it.
Shortage shortage_of(const Failure& failure) {
    const Wish& wish = failure.wish;
    const PoolSearch search(failure.context, wish, failure.keep_out.closed(wish, failure.claims));
    std::vector<std::uint64_t> wanted(wish.reaches.size());
    const std::uint32_t workers = wish.automatic() ? 1 : wish.workers;
    for (std::uint32_t slot = 0; slot < workers; ++slot) ++wanted[wish.reach_of(slot)];
    std::size_t reach = 0;
    while (reach + 1 < wanted.size() && search.capacity(reach) >= wanted[reach]) ++reach;
    return {failure, wish.reaches[reach], std::max<std::uint64_t>(wanted[reach], 1), search.capacity(reach)};
}

PlanNote oversubscribed(const Shortage& shortage, Account account) {
    const Wish& wish = shortage.failure.wish;
    const std::uint64_t wanted = shortage.wanted * wish.seat.count;
    PlanNote note{"E_OVERSUBSCRIBED", wish.pool, {}};
    note.wanted = wanted;
    note.missing = wanted - account.free;
    note.message = wish_text(shortage.wanted, wish.seat.count, account.noun) + "; " + to_string(account) +
                   ". Short by " + std::to_string(note.missing) + try_text(ways_out(shortage, account));
    note.account = std::move(account);
    return note;
}

// Enough units, but no seat can be made of them.
PlanNote too_wide(const Shortage& shortage, Account account) {
    const Wish& wish = shortage.failure.wish;
    std::string inside = wish.seat.require ? ", each inside one " + noun_of(*wish.seat.require) : "";
    if (shortage.reach.kinds.size() > 1) inside += ", each of one kind of core";
    std::vector<std::string> ways;
    if (shortage.had > 0 && !wish.count.per) ways.push_back("workers: " + std::to_string(shortage.had));
    if (wish.seat.count > 1) ways.push_back("a smaller seat than " + counted(wish.seat.count, account.noun));
    if (wish.seat.require) ways.emplace_back("require: none");
    PlanNote note{"E_SEAT_TOO_WIDE", wish.pool, {}};
    note.wanted = shortage.wanted * wish.seat.count;
    note.missing = shortage.wanted - shortage.had;
    note.message = wish_text(shortage.wanted, wish.seat.count, account.noun) + inside + "; " + to_string(account) +
                   ", which hold " + counted(shortage.had, "such seat") + ". Short by " +
                   counted(note.missing, "seat") + try_text(ways);
    note.account = std::move(account);
    return note;
}

}  // namespace

std::string counted(std::uint64_t number, const std::string& noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

std::string slot_ranges(const std::string& pool, const std::vector<std::uint32_t>& slots) {
    std::string text = pool + "/";
    for (std::size_t first = 0; first < slots.size();) {
        std::size_t last = first;
        while (last + 1 < slots.size() && slots[last + 1] == slots[last] + 1) ++last;
        if (first > 0) text += ",";
        text += std::to_string(slots[first]);
        if (last > first) text += ".." + std::to_string(slots[last]);
        first = last + 1;
    }
    return text;
}

std::string to_string(const Account& account) {
    std::string text = account.scope + " has " + counted(account.total, account.noun) + ": ";
    if (account.reserved > 0) text += std::to_string(account.reserved) + " reserved, ";
    for (const Holder& holder : account.holders)
        text += std::to_string(holder.units) + " held by pool '" + holder.pool + "' (" +
                slot_ranges(holder.pool, holder.slots) + "), ";
    return text + std::to_string(account.free) + " free";
}

Account account_of_cpus(const Context& context, const Claims& claims) {
    Account account{.noun = "CPU", .scope = "the machine"};
    std::vector<CpuSet> units;
    for (const std::uint32_t cpu : context.usable.cpus.members()) units.push_back({cpu});
    account.reserved = context.usable.reserved.count();
    account.holders = holders_of(units, claims, "", [](const std::string&, const CpuSet& cpus) { return cpus; });
    account.total = account.reserved + units.size();
    account.free = units.size() - sum(account.holders);
    return account;
}

PlanNote does_not_fit(const Failure& failure) {
    const Shortage shortage = shortage_of(failure);
    Account account = account_in(failure, shortage.reach, failure.wish.seat.unit);
    if (account.free >= shortage.wanted * failure.wish.seat.count) return too_wide(shortage, std::move(account));
    return oversubscribed(shortage, std::move(account));
}

PlanNote too_many_workers(const Wish& wish, std::uint32_t seats) {
    const bool stacks = wish.seat.oversubscribe == CpuExclusive::Oversubscribe::stack;
    PlanNote note{stacks ? "W_STACKED" : "W_SHRUNK", wish.pool, {}};
    note.wanted = wish.workers;
    note.missing = wish.workers - seats;
    note.message = counted(wish.workers, "worker") + " want " + counted(wish.workers, "seat") + ", " +
                   std::to_string(seats) + " fit. Short by " + std::to_string(note.missing) +
                   (stacks ? ": workers of this pool share seats ('oversubscribe: stack')"
                           : ": the pool has fewer workers ('oversubscribe: shrink')");
    return note;
}

PlanNote wider_than_domain(const Wish& wish) {
    const std::string noun = noun_of(*wish.count.per);
    PlanNote note{"E_SEAT_TOO_WIDE", wish.pool,
                  "'workers: {per: " + word_of(*wish.count.per) + "}' wants the seats of a worker inside one " + noun +
                      ", and 1 " + unit_noun(wish.seat.unit) + " spans more than 1 of them"};
    note.levels = {word_of(*wish.count.per)};
    note.cpus = wish.cpus();
    return note;
}

PlanNote auto_ambiguous(const Wish& wish, const std::vector<std::string>& rivals) {
    std::vector<std::string> others;
    for (const std::string& other : rivals) others.push_back("'" + other + "'");
    const CpuSet cpus = wish.cpus();
    PlanNote note{"E_AUTO_AMBIGUOUS", wish.pool, {}};
    note.cpus = cpus;
    note.wanted = cpus.count() * (rivals.size() + 1);
    note.missing = note.wanted - cpus.count();
    note.message = "it and pool " + join(others, ", ") + " each want all of the same " + counted(cpus.count(), "CPU") +
                   " ('workers: auto' with exclusive seats): only one pool can. Try: a number of workers in all but "
                   "one | scopes that don't overlap, with 'within'";
    return note;
}

PlanNote no_such_level(const std::string& pool, const std::string& key, CpuLevel level) {
    PlanNote note{
        "E_NO_SUCH_DOMAIN", pool,
        "'" + key + ": " + word_of(level) + "' wants at least 1 " + noun_of(level) + ": this machine shows 0"};
    note.wanted = 1;
    note.missing = 1;
    note.levels = {word_of(level)};
    return note;
}

PlanNote no_such_place(const Context& context, const std::string& pool, const CpuPlace& place) {
    const std::size_t there = context.domains(place.level).size();
    PlanNote note{"E_NO_SUCH_DOMAIN", pool, {}};
    note.wanted = std::uint64_t{place.index} + 1;
    note.missing = note.wanted - there;
    note.levels = {word_of(place.level)};
    note.message = "'within: " + word_of(place.level) + ":" + std::to_string(place.index) + "' wants " +
                   counted(note.wanted, noun_of(place.level)) + ": this machine shows " + std::to_string(there) +
                   ", counted from 0";
    return note;
}

PlanNote none_allowed(const Context& context, const std::string& pool, const CpuScope& scope) {
    PlanNote note{"E_CPU_NOT_ALLOWED", pool, {}};
    note.cpus = cpus_of(context.topology, scope);
    note.wanted = std::max<std::uint64_t>(note.cpus.count(), 1);
    note.missing = note.wanted;
    note.message = "'within' is " + counted(note.cpus.count(), "CPU") + " (" + to_string(scope) +
                   "), of which pools may use 0. They may use the CPUs '" + context.usable.cpus.to_list() + "'";
    return note;
}

PlanNote seats_short(const std::string& pool, std::uint32_t workers, std::size_t seats) {
    PlanNote note{"E_SEATS_SHORT", pool, {}};
    note.wanted = workers;
    note.missing = workers - seats;
    note.message = counted(workers, "worker") + " want " + counted(workers, "seat") + ", " + std::to_string(seats) +
                   " listed. Short by " + std::to_string(workers - seats) + ". Try: workers: " + std::to_string(seats) +
                   " | list " + counted(workers - seats, "more seat");
    return note;
}

PlanNote no_shared(const Context& context, const Claims& claims, const PoolRequest& request) {
    const std::string wish = request.workers.automatic ? "its workers" : counted(request.workers.number, "worker");
    std::vector<std::string> ways;
    for (const auto& [pool, slots] : claims.by_pool())
        if (slots.size() > 1)
            ways.push_back("workers: " + std::to_string(slots.size() - 1) + " in pool '" + pool + "'");
    if (ways.empty() && !claims.by_pool().empty())
        ways.push_back("cpu: auto in pool '" + claims.by_pool().begin()->first + "'");
    if (ways.empty()) ways.emplace_back("reserve fewer CPUs, or allow more, under 'machine'");
    PlanNote note{"E_NO_SHARED", request.pool, {}};
    note.account = account_of_cpus(context, claims);
    note.wanted = 1;
    note.missing = 1;
    note.message = wish + " of this pool share the CPUs that exclusive seats leave, at least 1 CPU; " +
                   to_string(*note.account) + ". Short by 1" + try_text(ways);
    return note;
}

std::optional<PlanNote> outside_domains(const CpuSet& shared, const SoftPool& pool) {
    PlanNote note{"W_NO_SHARED", pool.pool, {}};
    for (std::uint32_t slot = 0; slot < pool.workers; ++slot) {
        const CpuSet* const domain = pool.find_domain(slot);
        if (domain == nullptr || domain->intersects(shared)) continue;
        note.slots.push_back(slot);
        note.cpus |= *domain;
    }
    if (note.slots.empty()) return std::nullopt;
    note.wanted = pool.workers;
    note.missing = note.slots.size();
    note.message = std::to_string(note.missing) + " of " + counted(pool.workers, "worker") + " (" +
                   slot_ranges(pool.pool, note.slots) + ") belong on the CPUs '" + note.cpus.to_list() +
                   "', of which exclusive seats leave 0: they sit on other shared cores";
    return note;
}

PlanNote quota_below_one(const std::string& pool, double quota, double busy) {
    PlanNote note{"W_QUOTA", pool, {}};
    note.quota = quota;
    note.wanted = 1;
    note.missing = 1;
    note.message = "the cgroup's quota of " + number(quota) + " CPUs does not feed one worker that keeps " +
                   number(busy) + (busy == 1 ? " CPU" : " CPUs") +
                   " busy: 'workers: auto' gives 1, which will be throttled";
    return note;
}

std::string to_string(const PlanNote& note) {
    return note.code + (note.pool.empty() ? " " : " pool '" + note.pool + "': ") + note.message;
}

}  // namespace pinion::cpu
