// SPDX-License-Identifier: Apache-2.0
// How values travel between processes: as bytes, by Codec<T>. There is one for every trivially copyable type, for
// std::string, and for std::vector, std::pair, std::tuple, std::optional and std::map of what has one. For a type of
// your own:
//
//   template <>
//   struct pinion::Codec<Page> {
//       static void encode(const Page& page, Writer& out) {
//           pinion::encode(page.url, out);
//           pinion::encode(page.links, out);
//       }
//       static Page decode(Reader& in) {
//           auto url = pinion::decode<std::string>(in);
//           return Page{std::move(url), pinion::decode<std::vector<std::string>>(in)};
//       }
//   };
//
// The bytes are the machine's own: they pass between processes of one machine, and programs built alike.
#pragma once

#include <pinion/bytes.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace pinion::inline v0 {

template <class T>
struct Codec {
    static_assert(std::is_trivially_copyable_v<T>, "give this type a pinion::Codec: see <pinion/codec.h>");
    static_assert(!std::is_pointer_v<T>, "a pointer means nothing in another process: send what it points to");
    static void encode(const T& value, Writer& out) { out.write(&value, sizeof value); }
    static T decode(Reader& in) {
        std::array<std::byte, sizeof(T)> bytes;
        in.read(bytes.data(), bytes.size());
        return std::bit_cast<T>(bytes);
    }
};

template <class T>
void encode(const T& value, Writer& out) {
    Codec<T>::encode(value, out);
}
template <class T>
[[nodiscard]] T decode(Reader& in) {
    return Codec<T>::decode(in);
}

// What only points to its text would dangle in another process.
template <>
struct Codec<std::string_view>;
template <class T, std::size_t N>
struct Codec<std::span<T, N>>;

template <>
struct Codec<std::string> {
    static void encode(const std::string& text, Writer& out) {
        const std::uint64_t size = text.size();
        out.write(&size, sizeof size);
        out.write(text.data(), text.size());
    }
    static std::string decode(Reader& in) {
        const auto size = pinion::decode<std::uint64_t>(in);
        return {reinterpret_cast<const char*>(in.take(size)), size};
    }
};

template <class T>
struct Codec<std::vector<T>> {
    static constexpr bool flat = std::is_trivially_copyable_v<T> && !std::is_same_v<T, bool> && !std::is_pointer_v<T>;
    static void encode(const std::vector<T>& values, Writer& out) {
        const std::uint64_t size = values.size();
        out.write(&size, sizeof size);
        if constexpr (flat)
            out.write(values.data(), values.size() * sizeof(T));
        else
            for (const T& value : values) pinion::encode<T>(value, out);
    }
    static std::vector<T> decode(Reader& in) {
        const auto size = pinion::decode<std::uint64_t>(in);
        // Nothing that can be sent has less than one byte: a false size is found before it costs memory.
        if (size > in.left()) throw std::out_of_range("value that ends too early");
        std::vector<T> values;
        values.reserve(size);
        for (std::uint64_t i = 0; i < size; ++i) values.push_back(pinion::decode<T>(in));
        return values;
    }
};

template <class A, class B>
struct Codec<std::pair<A, B>> {
    static void encode(const std::pair<A, B>& pair, Writer& out) {
        pinion::encode(pair.first, out);
        pinion::encode(pair.second, out);
    }
    static std::pair<A, B> decode(Reader& in) {
        A first = pinion::decode<A>(in);
        return {std::move(first), pinion::decode<B>(in)};
    }
};

template <class... Ts>
struct Codec<std::tuple<Ts...>> {
    static void encode(const std::tuple<Ts...>& values, Writer& out) {
        const char mark = 0;  // so that an empty one has a byte, too
        out.write(&mark, 1);
        std::apply([&](const Ts&... each) { (pinion::encode(each, out), ...); }, values);
    }
    static std::tuple<Ts...> decode(Reader& in) {
        static_cast<void>(in.take(1));
        return std::tuple<Ts...>{pinion::decode<Ts>(in)...};  // braces: in their order
    }
};

template <class T>
struct Codec<std::optional<T>> {
    static void encode(const std::optional<T>& value, Writer& out) {
        pinion::encode(value.has_value(), out);
        if (value) pinion::encode(*value, out);
    }
    static std::optional<T> decode(Reader& in) {
        if (!pinion::decode<bool>(in)) return std::nullopt;
        return pinion::decode<T>(in);
    }
};

template <class K, class V>
struct Codec<std::map<K, V>> {
    static void encode(const std::map<K, V>& map, Writer& out) {
        pinion::encode(static_cast<std::uint64_t>(map.size()), out);
        for (const auto& [key, value] : map) {
            pinion::encode(key, out);
            pinion::encode(value, out);
        }
    }
    static std::map<K, V> decode(Reader& in) {
        std::map<K, V> map;
        for (auto size = pinion::decode<std::uint64_t>(in); size > 0; --size) {
            K key = pinion::decode<K>(in);
            map.insert_or_assign(map.end(), std::move(key), pinion::decode<V>(in));
        }
        return map;
    }
};

}  // namespace pinion::inline v0
