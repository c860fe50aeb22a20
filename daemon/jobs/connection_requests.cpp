// SPDX-License-Identifier: Apache-2.0
// What a client asks of pools and maps: hello, submit, maps, the queue's verbs.
#include "daemon/jobs/attached_map.h"
#include "daemon/jobs/connection_parts.h"
#include "daemon/jobs/job_access.h"
#include "daemon/jobs/job_reply.h"
#include "daemon/jobs/socket_limits.h"

namespace pinion::daemon {

using wire::Json;

void JobConnection::on(std::uint64_t id, HelloRequest request) {
    if (request.version != wire::protocol_version)
        return break_off(id, FailureCode::version,
                         "this daemon speaks version " + std::to_string(wire::protocol_version) +
                             " of the job protocol, not " + std::to_string(request.version));
    greeted_ = true;
    outbox_.add(wire::MessageType::welcome, id,
                Json::object().set("version", wire::protocol_version).set("daemon", "piniond " PINION_VERSION));
    changed();
}

void JobConnection::on(std::uint64_t id, SubmitRequest request) {
    const auto pool = usable(id, request.pool);
    if (!pool || !check_inputs(id, *pool, request.inputs)) return;
    std::size_t bytes = 0;
    for (const auto& input : request.inputs) bytes += input.size();
    JobOrder order{.pool = pool->id, .inputs = std::move(request.inputs), .keys = std::move(request.keys)};
    order.priority = request.priority;
    if (request.delay > Duration::zero()) order.not_before = wall_now() + request.delay;
    order.wait = request.wait;
    // The ticket is known only after the call, and the answer never comes within it.
    const auto ticket = std::make_shared<std::uint64_t>(0);
    *ticket =
        queue_.submit(std::move(order), [weak = weak_from_this(), id, ticket, pool = *pool,
                                         token = in_flight(1, bytes)](Answer<std::vector<jobs::PlacedJob>> placed) {
            const auto self = weak.lock();
            if (self == nullptr) return;
            self->tickets_.erase(*ticket);
            if (!placed) return self->fail(id, code_of(placed.error().kind), placed.error().message);
            self->outbox_.add_text(wire::MessageType::accepted, id,
                                   accepted_reply(*placed, pool.spec->jobs->queue.durability));
            self->changed();
        });
    tickets_.insert(*ticket);
}

void JobConnection::on(std::uint64_t id, OpenMapRequest request) {
    const auto pool = usable(id, request.pool);
    if (!pool || !has_map_to_spare(id)) return;
    const std::string name = request.name;
    const bool fail_fast = request.fail_fast;
    queue_.open_map(pool->id, name, fail_fast,
                    [weak = weak_from_this(), id, pool = *pool, request = std::move(request),
                     token = in_flight(socket_limits::max_in_flight / socket_limits::max_maps),
                     &queue = queue_](Answer<jobs::StoredMap> map) {
                        const auto self = weak.lock();
                        if (self == nullptr) {
                            if (!map || !request.name.empty()) return;
                            queue.cancel_map(map->map, {});
                            return queue.seal_map(map->map, {});
                        }
                        if (!map) return self->fail(id, code_of(map.error().kind), map.error().message);
                        if (self->opened_.contains(map->map) || self->attached_.contains(map->map))
                            return self->fail(id, FailureCode::invalid,
                                              "open map '" + request.name + "': this connection has it open");
                        self->outbox_.add(wire::MessageType::map_opened, id, map_reply(pool, *map));
                        self->opened_.emplace(map->map, std::make_shared<OpenedMap>(queue, *self, pool, request, *map));
                        self->changed();
                    });
}

void JobConnection::on(std::uint64_t id, AttachMapRequest request) {
    if (!has_map_to_spare(id)) return;
    NamedMap meant{request.pool, request.name};
    with_map(id, std::move(meant),
             [this, id, request = std::move(request), token = in_flight()](const JobPool& pool, MapId map) {
                 attach(id, request, pool, map);
             });
}

// It is there, so this opens nothing new; and it is asked for behind all that was written before, its seal too.
void JobConnection::attach(std::uint64_t id, const AttachMapRequest& request, const JobPool& pool, MapId known) {
    queue_.open_map(
        pool.id, request.name, false,
        [weak = weak_from_this(), id, pool, request, known, token = in_flight()](const Answer<jobs::StoredMap>& map) {
            const auto self = weak.lock();
            if (self == nullptr) return;
            if (!map) return self->attach_to_stored(id, request, pool, known);
            if (map->map != known)
                return self->fail(
                    id, FailureCode::not_found,
                    "attach to map '" + request.name + "': its pool has kept its jobs elsewhere since it was made");
            self->attach_to(id, request, pool, *map);
        });
}

// The disk takes nothing, but can be read.
void JobConnection::attach_to_stored(std::uint64_t id, const AttachMapRequest& request, const JobPool& pool,
                                     MapId known) {
    queue_.look_up(known, [weak = weak_from_this(), id, pool, request,
                           token = in_flight()](const Answer<std::optional<jobs::StoredMap>>& map) {
        const auto self = weak.lock();
        if (self == nullptr) return;
        if (!map) return self->fail(id, code_of(map.error().kind), map.error().message);
        if (!*map) return self->fail(id, FailureCode::not_found, "there is no map '" + request.name + "'");
        self->attach_to(id, request, pool, **map);
    });
}

void JobConnection::attach_to(std::uint64_t id, const AttachMapRequest& request, const JobPool& pool,
                              const jobs::StoredMap& map) {
    if (opened_.contains(map.map) || attached_.contains(map.map))
        return fail(id, FailureCode::invalid, "attach to map '" + request.name + "': this connection has it open");
    outbox_.add(wire::MessageType::map_opened, id, map_reply(pool, map));
    const auto stream = std::make_shared<AttachedMap>(queue_, *this, map, request.from);
    attached_.emplace(map.map, stream);
    stream->pump();
    changed();
}

void JobConnection::on(std::uint64_t id, AddItemsRequest request) {
    const auto map = opened_.find(request.map);
    if (map == opened_.end() || map->second->over())
        return fail(id, FailureCode::not_found, "add items: no such map is open here");
    const auto pool = queue_.find(queue_.name(map->second->pool()));
    if (!pool) return fail(id, FailureCode::not_found, "add items: the map's pool has left the configuration");
    if (check_inputs(id, *pool, request.inputs)) return map->second->add(std::move(request));
    // Without these there would be a gap: it ends here.
    map->second->break_off();
}

void JobConnection::on(std::uint64_t id, SealMapRequest request) {
    const auto map = opened_.find(request.map);
    if (map == opened_.end() || map->second->over())
        return fail(id, FailureCode::not_found, "seal the map: no such map is open here");
    map->second->seal();
}

void JobConnection::on(std::uint64_t, AllowRequest request) {
    // One for a map that has just ended comes late, not wrong.
    if (const auto map = opened_.find(request.map); map != opened_.end()) return map->second->allow(request.results);
    if (const auto map = attached_.find(request.map); map != attached_.end()) map->second->allow(request.results);
}

void JobConnection::on(std::uint64_t id, QueueRequest request) {
    if (!may_steer(setting_.caller, setting_.own_uid))
        return fail(id, FailureCode::permission,
                    describe(setting_.caller) + " may not steer the queue of pool '" + request.pool +
                        "': only root and the daemon's own user may");
    const auto pool = usable(id, request.pool);
    if (!pool) return;
    queue_.set_mode(
        pool->id, request.mode, describe(setting_.caller),
        [weak = weak_from_this(), id, token = in_flight(), pool = request.pool, mode = request.mode](Answer<void> set) {
            const auto self = weak.lock();
            if (self == nullptr) return;
            if (!set) return self->fail(id, code_of(set.error().kind), set.error().message);
            self->answer(id, Json::object().set("pool", pool).set("mode", to_string(mode)));
        });
}

void JobConnection::on(std::uint64_t id, AskPoolRequest request) {
    const auto pool = usable(id, request.pool);
    if (!pool) return;
    Json reply = pool_reply(*pool, queue_.queue(pool->id), may_steer(setting_.caller, setting_.own_uid));
    if (request.cpu_time) reply.set("cpu_usec", queue_.cpu_time(pool->id).count());
    answer(id, reply);
}

}  // namespace pinion::daemon
