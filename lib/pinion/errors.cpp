// SPDX-License-Identifier: Apache-2.0
#include <cxxabi.h>
#include <pinion/batch.h>
#include <pinion/errors.h>

#include <cstdlib>
#include <memory>
#include <typeinfo>

namespace pinion::inline v0 {

// Here, so that each type has one home and can be caught across libraries.
Failure::~Failure() = default;
TaskFailed::~TaskFailed() = default;
WorkerDied::~WorkerDied() = default;
TaskTimedOut::~TaskTimedOut() = default;
PoolClosed::~PoolClosed() = default;
BrokenBarrier::~BrokenBarrier() = default;

TaskFailed::TaskFailed(const std::string& type, const std::string& text)
    : Failure(type + ": " + text), type_(type), text_(text) {}
WorkerDied::WorkerDied(Death death) : Failure("worker died: " + to_string(death)), death_(std::move(death)) {}
TaskTimedOut::TaskTimedOut() : Failure("task took longer than its timeout") {}
BrokenBarrier::BrokenBarrier() : Failure("barrier is broken") {}

namespace detail {
namespace {

std::string name_of(const std::type_info* type) {
    if (type == nullptr) return "unknown exception";
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                      std::free);
    return status == 0 ? name.get() : type->name();
}

}  // namespace

Caught describe_exception() noexcept {
    try {
        try {
            throw;
        } catch (const TaskFailed& error) {
            return {error.type(), error.text()};  // of a pool in a pool: the first thrower's words
        } catch (const std::exception& error) {
            return {name_of(&typeid(error)), error.what()};
        } catch (...) {
            return {name_of(abi::__cxa_current_exception_type()), "no text"};
        }
    } catch (...) {
        return {};  // no memory for words
    }
}

}  // namespace detail
}  // namespace pinion::inline v0
