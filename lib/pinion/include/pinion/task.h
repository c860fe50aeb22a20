// SPDX-License-Identifier: Apache-2.0
// How a call becomes bytes, is made in a worker, and its outcome becomes bytes again.
//
// A task is the address of a function below, the bytes of the callable, and the encoded inputs: a worker is a copy of
// this process, in which the same code is at the same address.
#pragma once

#include <pinion/batch.h>
#include <pinion/codec.h>
#include <pinion/errors.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace pinion::inline v0::detail {

template <class F>
inline constexpr bool may_travel = std::is_trivially_copyable_v<F>;

template <class F>
void encode_callable(const F& callable, Writer& out) {
    static_assert(
        may_travel<F>,
        "a pool's callable is sent as its bytes: a function, or a lambda that captures only trivially copyable "
        "values; give everything else as input");
    out.write(&callable, sizeof callable);
}

template <class F>
F decode_callable(Reader& in) {
    std::array<std::byte, sizeof(F)> bytes;
    in.read(bytes.data(), bytes.size());
    return std::bit_cast<F>(bytes);
}

// One outcome: a mark, then the value, or the exception's type and text.
template <class R, class Call>
void write_outcome(Writer& out, Call&& call) {
    const std::size_t begin = out.size();
    try {
        if constexpr (std::is_void_v<R>) {
            call();
            encode(true, out);
        } else {
            const R value = call();
            encode(true, out);
            encode(value, out);
        }
    } catch (...) {
        const Caught caught = describe_exception();
        out.truncate(begin);
        encode(false, out);
        encode(caught.type, out);
        encode(caught.text, out);
    }
}

// The value, or TaskFailed.
template <class R>
R read_outcome(Reader& in) {
    if (!decode<bool>(in)) {
        const auto type = decode<std::string>(in);
        throw TaskFailed(type, decode<std::string>(in));
    }
    if constexpr (!std::is_void_v<R>) return decode<R>(in);
}

// Map: the same callable on `count` inputs.
template <class F, class Input, class R>
void run_chunk(Reader& in, Writer& out) {
    F callable = decode_callable<F>(in);
    for (auto count = decode<std::uint32_t>(in); count > 0; --count) {
        Input input = decode<Input>(in);
        write_outcome<R>(out, [&]() -> R { return std::invoke(callable, std::move(input)); });
    }
}

// Submit: one call with its arguments.
template <class F, class R, class... Args>
void run_call(Reader& in, Writer& out) {
    F callable = decode_callable<F>(in);
    auto arguments = decode<std::tuple<Args...>>(in);
    write_outcome<R>(out, [&]() -> R { return std::apply(callable, std::move(arguments)); });
}

}  // namespace pinion::inline v0::detail
