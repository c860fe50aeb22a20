// SPDX-License-Identifier: Apache-2.0
// A map that its client fills, and whose results it gets: in input order, or as they finish.
//
// Every item from the first whose result was not sent is known by its id. A result that comes before it may be sent is
// kept where there is room for it, else read back from the store in time. So many items may be in this state; further
// ones wait, and their client with them. Without a name the map is cancelled when its client goes.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "daemon/jobs/item_index.h"
#include "daemon/jobs/job_request.h"
#include "daemon/jobs/map_stream.h"

namespace pinion::daemon {

// Shared with the callbacks it waits for, which must not keep it.
class OpenedMap : public MapStream, public std::enable_shared_from_this<OpenedMap> {
public:
    OpenedMap(JobQueue& queue, ClientPort& port, const JobPool& pool, const OpenMapRequest& request,
              const jobs::StoredMap& map);
    ~OpenedMap() override;

    void add(AddItemsRequest request);
    void seal();
    // Its client was told why it can't go on.
    void break_off() { end_without_words(); }
    void pump() override;
    [[nodiscard]] JobPoolId pool() const noexcept { return pool_; }
    // Bytes of inputs that are on their way; what waits for the window is not.
    [[nodiscard]] std::size_t input_bytes() const noexcept { return input_bytes_; }

    void job_ended(const JobEnd& end) override;
    void map_settled(const jobs::MapSettled&) override {}

private:
    struct Kept {
        jobs::JobState state = jobs::JobState::done;
        std::uint32_t attempts = 0;
        std::string result;
        std::string error;
        [[nodiscard]] std::size_t bytes() const noexcept { return result.size() + error.size(); }
    };
    struct Entry {
        enum class State : std::uint8_t { pending, ended, asked, kept, sent };
        JobId id;
        std::unique_ptr<Kept> kept;  // in that state
        State state = State::pending;
        bool counted = false;   // its end was, for the progress
        bool doubtful = false;  // it was looked up, and neither had it ended nor did anybody have it in hand
    };

    [[nodiscard]] Entry& entry(std::uint64_t index) { return entries_[index - base_]; }
    [[nodiscard]] bool has_window_for(std::size_t items) const;
    // An add on its way: what of it is placed, and the bytes of all of it.
    struct Adding {
        AddItemsRequest request;
        std::vector<jobs::PlacedJob> placed;
        std::size_t bytes = 0;
    };
    void start(AddItemsRequest request);
    void submit_some(std::shared_ptr<Adding> adding);
    void tell_added(std::uint64_t from, const std::vector<jobs::PlacedJob>& placed);
    void added(std::uint64_t from, const std::vector<jobs::PlacedJob>& placed);
    void go_on();
    void seal_for_good();
    // Its result is to be looked up.
    void note_in_store(Entry& ended);
    void keep(std::uint64_t index, Kept kept);
    void send_kept(std::uint64_t index);
    void mark_sent(std::uint64_t index);
    void pump_ordered();
    void pump_unordered();
    void look_up(std::uint64_t index);
    void looked_up(std::uint64_t index, Answer<std::optional<jobs::StoredJob>> found);
    void has_not_ended(std::uint64_t index);

    JobPoolId pool_;
    std::uint64_t capacity_;  // of its queue, as the map was opened
    bool named_;
    bool unordered_;
    bool results_;
    std::uint8_t priority_;
    std::uint64_t stored_items_;
    std::string name_;

    std::uint64_t base_ = 0;  // index of entries_.front(): the first whose result was not sent
    std::uint64_t next_ = 0;  // index of the next item to be added
    std::deque<Entry> entries_;
    ItemIndex index_of_;
    std::size_t kept_bytes_ = 0;
    std::size_t largest_ = 0;          // result so far
    std::deque<std::uint64_t> ready_;  // unordered: kept or ended, in the order of their ends
    std::size_t in_store_ = 0;         // entries of state `ended`
    std::size_t asked_ = 0;

    std::map<std::uint64_t, std::uint64_t> tickets_;  // of adds on their way, by the index of their first
    std::deque<AddItemsRequest> held_;                // wait for the window, in order
    std::size_t input_bytes_ = 0;
    bool seal_asked_ = false;
    bool sealed_ = false;
};

}  // namespace pinion::daemon
