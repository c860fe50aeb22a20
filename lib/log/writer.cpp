// SPDX-License-Identifier: Apache-2.0
// One mutex guards two queues; the thread takes one entry at a time out of them and writes it with the mutex free. It
// sleeps on a condition and wakes for nothing else.
#include "log/writer.h"

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>

#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "log/log_files.h"

namespace pinion::log {
namespace {

constexpr std::size_t stack_bytes = 256 * 1024;

// Output this far behind lets lifecycle records pass it: it is then a flood, or the sink is slow.
constexpr std::size_t output_backlog = 256;

// A record for the sink, or a line for the file at `path`.
struct Entry {
    Record record;
    std::string path;
    std::uint64_t number = 0;  // in the order in which all entries came
};

// What an entry counts against limits::log_queue_bytes.
std::size_t weight(const Entry& entry) noexcept {
    std::size_t bytes = entry.record.message.size() + entry.path.size();
    for (const auto& [name, value] : entry.record.fields) bytes += name.size() + value.size();
    return bytes;
}

struct Lane {
    std::deque<Entry> queue;
    std::size_t bytes = 0;
    std::uint64_t taken = 0;    // into the queue, ever
    std::uint64_t written = 0;  // out of it, ever, by success or failure
};

}  // namespace

struct Writer::State {
    explicit State(std::unique_ptr<Sink> to) : sink(std::move(to)) {}

    // With the mutex held.
    [[nodiscard]] bool has_work() const { return !lifecycle.queue.empty() || !output.queue.empty() || reopen; }
    void ensure_thread(const std::shared_ptr<State>& self);
    // The lane whose turn it is; one of them has an entry. What came first goes first, so that a worker's last words
    // stand before its death.
    [[nodiscard]] Lane& next_lane();

    // The thread's own.
    void run();
    void work(std::unique_lock<std::mutex>& lock);
    [[nodiscard]] Result<void> write(const Entry& entry);
    [[nodiscard]] bool is_news(const Entry& entry, bool failed) noexcept;

    std::mutex mutex;
    std::condition_variable wake;      // for the thread
    std::condition_variable progress;  // for flush and the end
    Lane lifecycle;
    Lane output;
    std::uint64_t next_number = 0;
    DropCounts drops;
    bool reopen = false;
    bool stopping = false;   // write what is queued, then end
    bool abandoned = false;  // end at once
    bool finished = false;
    std::optional<pthread_t> thread;
    UniqueFd failure{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

    // Used by the thread alone.
    std::unique_ptr<Sink> sink;
    bool sink_fails = false;
    LogFiles files;
};

void Writer::State::ensure_thread(const std::shared_ptr<State>& self) {
    if (thread) return;
    sigset_t all;
    sigfillset(&all);
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return;
    pthread_attr_setstacksize(&attributes, stack_bytes);
    pthread_attr_setsigmask_np(&attributes, &all);
    const auto body = [](void* argument) -> void* {
        const std::unique_ptr<std::shared_ptr<State>> owner(static_cast<std::shared_ptr<State>*>(argument));
        (*owner)->run();
        return nullptr;
    };
    auto argument = std::make_unique<std::shared_ptr<State>>(self);
    pthread_t created{};
    if (pthread_create(&created, &attributes, body, argument.get()) == 0) {
        static_cast<void>(argument.release());
        pthread_setname_np(created, "log");
        thread = created;
    }
    pthread_attr_destroy(&attributes);
}

void Writer::State::run() {
    // A line is never urgent: the worker that has just been started shall not be put off the CPU for it.
    const sched_param priority{};
    ::sched_setscheduler(0, SCHED_BATCH, &priority);
    std::unique_lock lock(mutex);
    for (;;) {
        wake.wait(lock, [&] { return has_work() || stopping || abandoned; });
        if (abandoned || !has_work()) break;
        work(lock);
    }
    finished = true;
    progress.notify_all();
}

Lane& Writer::State::next_lane() {
    if (lifecycle.queue.empty()) return output;
    if (output.queue.empty() || output.queue.size() > output_backlog) return lifecycle;
    return lifecycle.queue.front().number < output.queue.front().number ? lifecycle : output;
}

// One step, with the mutex free while it may block.
void Writer::State::work(std::unique_lock<std::mutex>& lock) {
    if (std::exchange(reopen, false)) {
        lock.unlock();
        files.close_all();
        lock.lock();
        progress.notify_all();
        return;
    }
    Lane& lane = next_lane();
    bool failed = false;
    {
        const Entry entry = std::move(lane.queue.front());
        lane.queue.pop_front();
        lane.bytes -= weight(entry);
        lock.unlock();
        failed = !write(entry);
        if (is_news(entry, failed)) static_cast<void>(::eventfd_write(failure.fd(), 1));
    }
    lock.lock();
    ++lane.written;
    if (failed) ++drops.failed;
    progress.notify_all();
}

Result<void> Writer::State::write(const Entry& entry) {
    if (!entry.path.empty()) return files.append(entry.path, entry.record.message);
    return sink->write(entry.record);
}

// Whether losses shall be reported now: a sink that fails could not take the report, so that waits until it takes
// again.
bool Writer::State::is_news(const Entry& entry, bool failed) noexcept {
    if (!entry.path.empty()) return failed;
    return std::exchange(sink_fails, failed) && !failed;
}

Writer::Writer(std::unique_ptr<Sink> sink, Duration flush_at_exit)
    : state_(std::make_shared<State>(std::move(sink))), flush_at_exit_(flush_at_exit) {
    const std::lock_guard lock(state_->mutex);
    state_->ensure_thread(state_);
}

Writer::~Writer() {
    std::unique_lock lock(state_->mutex);
    if (!state_->thread) return;
    state_->stopping = true;
    state_->wake.notify_one();
    const bool finished = state_->progress.wait_for(lock, flush_at_exit_, [&] { return state_->finished; });
    state_->abandoned = true;
    const pthread_t thread = *state_->thread;
    lock.unlock();
    if (finished) {
        pthread_join(thread, nullptr);
    } else {
        pthread_detach(thread);
    }
}

bool Writer::lifecycle(Record record) {
    if (record.at == WallTime{}) record.at = wall_now();
    const std::lock_guard lock(state_->mutex);
    state_->ensure_thread(state_);
    Lane& lane = state_->lifecycle;
    if (lane.queue.size() >= limits::log_queue_records) {
        ++state_->drops.records;
        return false;
    }
    Entry entry{std::move(record), {}, state_->next_number++};
    lane.bytes += weight(entry);
    lane.queue.push_back(std::move(entry));
    ++lane.taken;
    state_->wake.notify_one();
    return true;
}

bool Writer::output(Record record) {
    if (record.at == WallTime{}) record.at = wall_now();
    return enqueue_output(std::move(record), {});
}

bool Writer::file_line(const std::string& path, std::string line) {
    Record record;
    record.message = std::move(line);
    return enqueue_output(std::move(record), path);
}

bool Writer::enqueue_output(Record record, std::string path) {
    Entry entry{std::move(record), std::move(path), 0};
    const std::size_t bytes = weight(entry);
    const std::lock_guard lock(state_->mutex);
    state_->ensure_thread(state_);
    Lane& lane = state_->output;
    if (lane.queue.size() >= limits::log_queue_lines || lane.bytes + bytes > limits::log_queue_bytes) {
        ++state_->drops.lines;
        return false;
    }
    entry.number = state_->next_number++;
    lane.bytes += bytes;
    lane.queue.push_back(std::move(entry));
    ++lane.taken;
    state_->wake.notify_one();
    return true;
}

void Writer::reopen_files() {
    const std::lock_guard lock(state_->mutex);
    state_->reopen = true;
    state_->wake.notify_one();
}

int Writer::failure_fd() const noexcept { return state_->failure.fd(); }

void Writer::clear_failure() {
    eventfd_t count = 0;
    static_cast<void>(::eventfd_read(state_->failure.fd(), &count));
}

DropCounts Writer::take_drops() {
    const std::lock_guard lock(state_->mutex);
    return std::exchange(state_->drops, {});
}

bool Writer::flush(Duration timeout) {
    std::unique_lock lock(state_->mutex);
    const auto records = state_->lifecycle.taken;
    const auto lines = state_->output.taken;
    return state_->progress.wait_for(lock, timeout, [&] {
        return state_->lifecycle.written >= records && state_->output.written >= lines && !state_->reopen;
    });
}

}  // namespace pinion::log
