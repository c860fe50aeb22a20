// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <pinion/shared_memory.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/fd.h"

namespace pinion::inline v0 {
namespace {

[[noreturn]] void fail_with(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

void* map(int fd, std::size_t bytes, const std::string& what) {
    void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) fail_with(what);
    return data;
}

void check_size(std::size_t bytes) {
    if (bytes == 0) throw std::invalid_argument("shared memory of no bytes");
}

// As shm_open wants it; "web" and "/web" are the same.
std::string shm_name(const std::string& name) { return name.starts_with('/') ? name : "/" + name; }

}  // namespace

struct SharedMemoryMaker {
    static SharedMemory whole(UniqueFd fd, const std::string& what) {
        struct stat facts{};
        if (::fstat(fd.fd(), &facts) < 0) fail_with(what);
        if (facts.st_size <= 0) throw std::invalid_argument(what + ": it has no bytes");
        const auto size = static_cast<std::size_t>(facts.st_size);
        void* data = map(fd.fd(), size, what);
        return {fd.release(), data, size};
    }
};

SharedMemory::SharedMemory(std::size_t bytes) {
    check_size(bytes);
    const std::string what = "make shared memory of " + std::to_string(bytes) + " bytes";
    UniqueFd fd(::memfd_create("pinion", MFD_CLOEXEC));
    if (!fd || ::ftruncate(fd.fd(), static_cast<off_t>(bytes)) < 0) fail_with(what);
    data_ = map(fd.fd(), bytes, what);
    size_ = bytes;
    fd_ = fd.release();
}

SharedMemory SharedMemory::create(const std::string& name, std::size_t bytes) {
    check_size(bytes);
    const std::string what = "make shared memory '" + name + "'";
    UniqueFd fd(::shm_open(shm_name(name).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) fail_with(what);
    if (::ftruncate(fd.fd(), static_cast<off_t>(bytes)) < 0) {
        const int error = errno;
        ::shm_unlink(shm_name(name).c_str());
        throw std::system_error(error, std::generic_category(), what);
    }
    return SharedMemoryMaker::whole(std::move(fd), what);
}

SharedMemory SharedMemory::open(const std::string& name) {
    const std::string what = "open shared memory '" + name + "'";
    UniqueFd fd(::shm_open(shm_name(name).c_str(), O_RDWR | O_CLOEXEC, 0));
    if (!fd) fail_with(what);
    return SharedMemoryMaker::whole(std::move(fd), what);
}

SharedMemory SharedMemory::from_fd(int fd) {
    const std::string what = "use descriptor " + std::to_string(fd) + " as shared memory";
    UniqueFd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!own) fail_with(what);
    return SharedMemoryMaker::whole(std::move(own), what);
}

bool SharedMemory::unlink(const std::string& name) {
    if (::shm_unlink(shm_name(name).c_str()) == 0) return true;
    if (errno != ENOENT) fail_with("remove shared memory '" + name + "'");
    return false;
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
    SharedMemory taken(std::move(other));
    std::swap(fd_, taken.fd_);
    std::swap(data_, taken.data_);
    std::swap(size_, taken.size_);
    return *this;
}

SharedMemory::~SharedMemory() {
    if (data_ != nullptr) ::munmap(data_, size_);
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace pinion::inline v0
