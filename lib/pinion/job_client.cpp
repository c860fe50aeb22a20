// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <pinion/job_client.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/unix_connect.h"
#include "pinion/job_connection.h"
#include "pinion/job_map.h"

namespace pinion::inline v0 {
namespace {

using Code = JobFailure::Code;
using wire::Json;
using wire::MessageType;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

[[noreturn]] void throw_unreachable(const std::string& path, int code) {
    const std::string what = "connect to piniond's job socket '" + path + "': " + errno_text(code);
    if (code == EACCES || code == EPERM) throw JobFailure(Code::permission, what);
    throw JobFailure(Code::unreachable, what + "; is piniond running, and does it have job pools?");
}

UniqueFd connect_to(const std::string& path, Timeout timeout) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string reachable = path;
    UniqueFd folder;
    if (path.size() >= sizeof address.sun_path) {
        // A socket's name is short by law; through a descriptor of its folder any depth can be reached.
        const auto slash = path.rfind('/');
        folder = UniqueFd(::open(path.substr(0, slash + 1).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        reachable = "/proc/self/fd/" + std::to_string(folder.fd()) + path.substr(slash);
    }
    if (reachable.size() >= sizeof address.sun_path) throw_unreachable(path, ENAMETOOLONG);
    std::memcpy(address.sun_path, reachable.c_str(), reachable.size() + 1);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) throw_unreachable(path, errno);
    const auto patience = std::chrono::duration_cast<Duration>(timeout.span());
    const int error = connect_within(socket.fd(), address, patience);
    if (error == ETIMEDOUT) throw JobFailure(Code::unreachable, "piniond does not answer");
    if (error != 0) throw_unreachable(path, error);
    return socket;
}

Json list_of(const std::vector<std::string>& texts) {
    Json list = Json::array();
    for (const auto& text : texts) list.push(text);
    return list;
}

std::vector<std::uint64_t> numbers_of(const Json& head, const char* name) {
    std::vector<std::uint64_t> numbers;
    if (const Json* list = head.find(name))
        for (const Json& item : list->items()) numbers.push_back(item.as_uint().value_or(0));
    return numbers;
}

std::string text_of(const Json& head, const char* name) {
    const Json* value = head.find(name);
    return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
}

SubmittedJobs submitted(const JobMessage& accepted) {
    return {numbers_of(accepted.head, "ids"), numbers_of(accepted.head, "existing"),
            text_of(accepted.head, "durability")};
}

}  // namespace

JobFailure::~JobFailure() = default;

const char* to_string(JobResult::State state) noexcept {
    switch (state) {
        case JobResult::State::done: return "done";
        case JobResult::State::failed: return "failed";
        case JobResult::State::cancelled: return "cancelled";
    }
    return "?";
}

JobClient::JobClient(std::unique_ptr<Connection> connection) noexcept : connection_(std::move(connection)) {}
JobClient::JobClient(JobClient&&) noexcept = default;
JobClient& JobClient::operator=(JobClient&&) noexcept = default;
JobClient::~JobClient() = default;

std::string JobClient::default_path() {
    const auto socket_in = [](const std::string& folder) { return folder + "/jobs.sock"; };
    const std::string runtime = variable("RUNTIME_DIRECTORY");
    if (!runtime.empty()) return socket_in(runtime.substr(0, runtime.find(':')));
    const std::string system = socket_in("/run/pinion");
    if (::geteuid() == 0) return system;
    const std::string user = variable("XDG_RUNTIME_DIR");
    const std::string own = socket_in(user.empty() ? "/tmp/pinion-" + std::to_string(::geteuid()) : user + "/pinion");
    const bool only_system = ::access(own.c_str(), F_OK) != 0 && ::access(system.c_str(), F_OK) == 0;
    return only_system ? system : own;
}

JobClient JobClient::connect(const std::string& path, Timeout timeout) {
    return over(connect_to(path, timeout).release(), timeout);
}

JobClient JobClient::over(int socket, Timeout timeout) {
    JobClient client(std::make_unique<Connection>(UniqueFd(socket)));
    const Json hello =
        Json::object().set("version", wire::protocol_version).set("program", ::program_invocation_short_name);
    const auto request = client.connection_->ask(MessageType::hello, hello);
    static_cast<void>(client.connection_->answer(request, steady_deadline(timeout)));
    return client;
}

JobPoolInfo JobClient::pool(const std::string& name) {
    const auto request = connection_->ask(MessageType::ask_pool, Json::object().set("pool", name));
    const JobMessage told = connection_->answer(request);
    return {text_of(told.head, "pool"), text_of(told.head, "payload") == "raw", told.head.dump()};
}

std::chrono::microseconds JobClient::cpu_time(const std::string& pool) {
    const auto request =
        connection_->ask(MessageType::ask_pool, Json::object().set("pool", pool).set("cpu_time", true));
    const JobMessage told = connection_->answer(request);
    const Json* time = told.head.find("cpu_usec");
    const auto number = time == nullptr ? std::nullopt : time->as_int();
    if (!number) throw JobFailure(Code::protocol, "ask for the CPU time of pool '" + pool + "': piniond tells none");
    return std::chrono::microseconds(*number);
}

SubmittedJobs JobClient::submit(const std::string& pool, const std::vector<std::string>& inputs,
                                const JobOptions& options) {
    Json head = Json::object().set("pool", pool).set("priority", options.priority);
    if (options.delay.count() > 0) head.set("delay", std::chrono::duration<double>(options.delay).count());
    if (!options.keys.empty()) head.set("keys", list_of(options.keys));
    if (options.wait) head.set("wait", true);
    const auto request = connection_->ask_body(MessageType::submit, head, inputs);
    return submitted(connection_->answer(request));
}

JobMap JobClient::open_map(const std::string& pool, const MapOptions& options) {
    Json head = Json::object().set("pool", pool).set("priority", options.priority);
    if (!options.name.empty()) head.set("name", options.name);
    if (options.unordered) head.set("unordered", true);
    if (options.fail_fast) head.set("fail_fast", true);
    const auto request = connection_->ask(MessageType::open_map, head);
    return JobMap(std::make_unique<JobMap::State>(*connection_, connection_->answer(request), options.window));
}

JobMap JobClient::attach(const std::string& name, const std::string& pool, std::uint64_t from, std::size_t window) {
    Json head = Json::object().set("name", name).set("from", from);
    if (!pool.empty()) head.set("pool", pool);
    const auto request = connection_->ask(MessageType::attach_map, head);
    auto state = std::make_unique<JobMap::State>(*connection_, connection_->answer(request), window);
    // Its inputs were given by another, and are not for us to end.
    state->seal_asked = true;
    state->sealed = true;
    state->attached = true;
    return JobMap(std::move(state));
}

JobMap JobClient::map(const std::string& pool, const std::vector<std::string>& inputs, const MapOptions& options) {
    JobMap map = open_map(pool, options);
    // Nobody takes results before all inputs are given: as many as come are kept.
    map.state_->window = std::max(options.window, inputs.size());
    map.state_->keeps_all = true;
    for (const std::string& input : inputs) {
        map.state_->wait_for_room();
        map.add(input);
    }
    map.seal();
    return map;
}

void JobClient::map(const std::string& pool, const std::function<std::optional<std::string>()>& next,
                    const std::function<void(JobResult)>& each, const MapOptions& options) {
    JobMap map = open_map(pool, options);
    const auto give = [&] {
        while (auto result = map.take()) each(std::move(*result));
    };
    while (auto input = next()) {
        while (!map.has_room()) {
            map.wait();
            give();
        }
        map.add(std::move(*input));
        give();
    }
    map.seal();
    while (auto result = map.next()) each(std::move(*result));
}

bool JobClient::wait(const std::vector<std::uint64_t>& jobs, const std::function<void(JobResult)>& each,
                     Timeout timeout) {
    if (jobs.empty()) return true;
    const SteadyTime deadline = steady_deadline(timeout);
    Json list = Json::array();
    for (const auto job : jobs) list.push(job);
    const auto request = connection_->ask(MessageType::wait, Json::object().set("jobs", std::move(list)));
    std::size_t left = jobs.size();
    while (left > 0) {
        auto message = connection_->take_answer(request);
        if (!message) {
            if (connection_->exchange(deadline) != Connection::Woken::by_time) continue;
            connection_->forget(request);
            return false;
        }
        if (message->type == MessageType::failure) {
            connection_->forget(request);
            throw_failure(*message);
        }
        for (JobResult& result : message->results) {
            --left;
            each(std::move(result));
        }
    }
    connection_->forget(request);
    return true;
}

JobResult JobClient::result(std::uint64_t job) {
    JobResult found;
    wait({job}, [&](JobResult result) { found = std::move(result); });
    return found;
}

std::string JobClient::ask(std::uint64_t job) {
    const auto request = connection_->ask(MessageType::ask_job, Json::object().set("job", job));
    return connection_->answer(request).head.dump();
}

ListedJobs JobClient::list(const ListOptions& options) {
    Json head = Json::object().set("after", options.after).set("limit", options.limit);
    if (!options.pool.empty()) head.set("pool", options.pool);
    if (!options.map.empty()) head.set("map", options.map);
    if (!options.states.empty()) head.set("states", list_of(options.states));
    const JobMessage listed = connection_->answer(connection_->ask(MessageType::list_jobs, head));
    ListedJobs page;
    if (const Json* jobs = listed.head.find("jobs"))
        for (const Json& job : jobs->items()) page.jobs.push_back(job.dump());
    if (const Json* last = listed.head.find("last")) page.last = last->as_uint().value_or(0);
    if (const Json* more = listed.head.find("more")) page.more = more->as_bool().value_or(false);
    return page;
}

bool JobClient::cancel(std::uint64_t job) {
    const Json head = Json::object().set("jobs", Json::array().push(job));
    return !numbers_of(connection_->answer(connection_->ask(MessageType::cancel, head)).head, "cancelled").empty();
}

bool JobClient::cancel_map(const std::string& name, const std::string& pool) {
    Json head = Json::object().set("map", name);
    if (!pool.empty()) head.set("pool", pool);
    const JobMessage told = connection_->answer(connection_->ask(MessageType::cancel, head));
    const Json* ended = told.head.find("ended");
    return ended == nullptr || !ended->as_bool().value_or(false);
}

std::uint64_t JobClient::retry(std::uint64_t job) {
    const Json head = Json::object().set("jobs", Json::array().push(job));
    const auto retried = submitted(connection_->answer(connection_->ask(MessageType::retry, head)));
    if (retried.ids.empty()) throw JobFailure(Code::protocol, "retry: piniond named no new job");
    return retried.ids.front();
}

void JobClient::steer(const std::string& pool, std::string_view verb) {
    const Json head = Json::object().set("pool", pool).set("verb", verb);
    static_cast<void>(connection_->answer(connection_->ask(MessageType::queue, head)));
}

std::string JobClient::why(std::uint64_t job) {
    return connection_->answer(connection_->ask(MessageType::why, Json::object().set("job", job))).head.dump();
}

std::string JobClient::log(std::uint64_t job, std::optional<unsigned> attempt) {
    Json head = Json::object().set("job", job);
    if (attempt) head.set("attempt", *attempt);
    return connection_->answer(connection_->ask(MessageType::log, head)).head.dump();
}

}  // namespace pinion::inline v0
