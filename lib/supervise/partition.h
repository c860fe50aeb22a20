// SPDX-License-Identifier: Apache-2.0
// A visit over an exact partition of a variant's alternatives: `partition(state, on<A, B>(…), on<C>(…))`. Leaving an
// alternative out, naming it twice, or naming one that is not there does not compile, so a new state can't be
// forgotten.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

namespace pinion::supervise {

// One part: the alternatives it answers for, and the answer.
template <class Answer, class... States>
struct Part {
    Answer answer;
};

template <class... States, class Answer>
[[nodiscard]] constexpr Part<Answer, States...> on(Answer answer) {
    return {std::move(answer)};
}

// How often a part names T.
template <class T, class P>
inline constexpr std::size_t times_named = 0;
template <class T, class Answer, class... States>
inline constexpr std::size_t times_named<T, Part<Answer, States...>> =
    (std::size_t{0} + ... + std::is_same_v<T, States>);

template <class P>
inline constexpr std::size_t part_size = 0;
template <class Answer, class... States>
inline constexpr std::size_t part_size<Part<Answer, States...>> = sizeof...(States);

template <class T, class... Parts>
inline constexpr bool named_once = (std::size_t{0} + ... + times_named<T, Parts>) == 1;

// Whether the parts name each alternative once, and nothing else.
template <class Variant, class... Parts>
inline constexpr bool is_partition = false;
template <class... States, class... Parts>
inline constexpr bool is_partition<std::variant<States...>, Parts...> =
    (named_once<States, Parts...> && ...) && (std::size_t{0} + ... + part_size<Parts>) == sizeof...(States);

template <class T, class First, class... Rest>
[[nodiscard]] constexpr auto& part_of(First& first, Rest&... rest) {
    if constexpr (times_named<T, First> != 0) {
        return first.answer;
    } else {
        return part_of<T>(rest...);
    }
}

// Calls the one answer that names the alternative held. The answers must agree in what they return. An answer that
// assigns to the variant must not touch its argument afterwards.
template <class Variant, class... Parts>
decltype(auto) partition(Variant& variant, Parts... parts) {
    static_assert(is_partition<std::remove_const_t<Variant>, Parts...>, "name each state exactly once");
    return std::visit(
        [&](auto& state) -> decltype(auto) { return part_of<std::remove_cvref_t<decltype(state)>>(parts...)(state); },
        variant);
}

}  // namespace pinion::supervise
