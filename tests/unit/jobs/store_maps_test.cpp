// SPDX-License-Identifier: Apache-2.0
// What every store remembers of maps: that they were cancelled, and how many items they were given.
#include "store_engines.h"

namespace pinion::jobs {
namespace {

class MapsOfEachStore : public EachStore {
protected:
    MapId open(const std::string& name, bool fail_fast = false) {
        return desk.ask<MapStored>(OpenMap{1, JobPoolId{1}, name, fail_fast}).map->map;
    }
    StoredMap find(const std::string& name) {
        return *desk.ask<MapStored>(OpenMap{.token = 9, .pool = JobPoolId{1}, .name = name}).map;
    }
    std::optional<StoredMap> look(MapId map) { return *desk.ask<MapLookedUp>(LookUpMap{9, map}).map; }
    PlacedJob add(MapId map, std::uint64_t index) {
        const auto placed = desk.submit({{.pool = JobPoolId{1}, .map = map, .payload = "1", .index = index}});
        EXPECT_TRUE(placed.jobs.has_value());
        return placed.jobs->at(0);
    }
    bool is_cancelled(MapId map) {
        desk.waiting();
        for (const RecoveredMap& known : desk.maps)
            if (known.map == map) return known.cancelled;
        ADD_FAILURE() << "map " << map.value << " is not there";
        return false;
    }
};
INSTANTIATE_TEST_SUITE_P(Engines, MapsOfEachStore, all_engines(), name_of_engine);

TEST_P(MapsOfEachStore, ACancelIsKeptAndSaidOfWhatIsAddedLater) {
    const MapId map = open("film-12");
    const MapId other = open("film-13");
    EXPECT_FALSE(add(map, 0).cancelled);
    EXPECT_EQ(desk.ask<MapCancelled>(CancelMap{.token = 7, .map = map, .pool = JobPoolId{1}}).token, 7U);
    EXPECT_TRUE(is_cancelled(map));
    EXPECT_FALSE(is_cancelled(other));
    EXPECT_TRUE(add(map, 1).cancelled);
    EXPECT_FALSE(add(other, 0).cancelled);
    EXPECT_EQ(desk.ask<MapCancelled>(CancelMap{.token = 8, .map = map, .pool = JobPoolId{1}}).token, 8U) << "again";
}

TEST_P(MapsOfEachStore, TheFailureThatCancelsAMapIsKeptWithTheCancel) {
    const MapId map = open("film-12", true);
    const JobId job = add(map, 0).id;
    NoteFinish end = done(job);
    end.pool = JobPoolId{1};
    end.state = JobState::failed;
    end.cancels = map;
    desk.ask<Finished>(end);
    EXPECT_TRUE(is_cancelled(map));
    EXPECT_TRUE(add(map, 1).cancelled);
}

TEST_P(MapsOfEachStore, ItsJobsAreSaidToFailFastWhereItDoes) {
    const MapId map = open("film-12", true);
    const MapId other = open("film-13");
    EXPECT_TRUE(add(map, 0).fail_fast);
    EXPECT_FALSE(add(other, 0).fail_fast);
    // Looked up anew by who had it in mind, as after a start.
    desk.ask<MapCancelled>(CancelMap{.token = 7, .map = map, .pool = JobPoolId{1}});
    desk.ask<MapCancelled>(CancelMap{.token = 8, .map = other, .pool = JobPoolId{1}});
    EXPECT_TRUE(add(map, 1).fail_fast);
    EXPECT_FALSE(add(other, 1).fail_fast);
}

TEST_P(MapsOfEachStore, ASealedMapKnowsHowMuchItWasGivenWhenItsLastItemsAreForgotten) {
    const MapId map = open("film-12");
    const JobId kept = add(map, 0).id;
    const JobId gone = add(map, 1).id;
    EXPECT_EQ(find("film-12").items, 2U);
    EXPECT_EQ(find("film-12").given, 0U);
    desk.store->post(SealMap{map, {.items = 2}});
    desk.ask<Finished>(done(gone));
    desk.store->post(Expire{wall_now() + 2h});
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (desk.ask<LookedUp>(LookUpJob{1, gone}).job->has_value()) ASSERT_LT(std::chrono::steady_clock::now(), until);
    EXPECT_EQ(find("film-12").items, 1U);
    EXPECT_EQ(find("film-12").given, 2U);
    EXPECT_EQ(desk.look(kept).state, JobState::queued);
    desk.store->post(SealMap{map, {.items = 1}});
    EXPECT_EQ(find("film-12").given, 2U) << "given again, and not all of it";
}

TEST_P(MapsOfEachStore, AMapIsLookedUpAsItWasOpened) {
    const MapId map = open("film-12", true);
    EXPECT_FALSE(look(MapId{map.value + 1}));
    add(map, 0);
    add(map, 1);
    const auto same = [&] {
        const auto found = look(map);
        const StoredMap opened = find("film-12");
        return found && found->map == opened.map && found->existing && found->sealed == opened.sealed &&
               found->fail_fast == opened.fail_fast && found->items == opened.items && found->given == opened.given;
    };
    EXPECT_EQ(look(map)->items, 2U);
    EXPECT_FALSE(look(map)->sealed);
    EXPECT_TRUE(same());
    desk.ask<MapSealStored>(SealMap{map, {.items = 3}, true});
    EXPECT_EQ(look(map)->given, 3U);
    EXPECT_TRUE(look(map)->sealed);
    EXPECT_TRUE(same());
}

TEST_P(MapsOfEachStore, AJobKnowsTheNameOfItsMap) {
    const JobId named = add(open("film-12"), 0).id;
    const JobId unnamed = add(open(""), 0).id;
    EXPECT_EQ(desk.look(named).map_name, "film-12");
    desk.ask<Finished>(done(named));
    EXPECT_EQ(desk.look(named).map_name, "film-12");
    EXPECT_EQ(desk.look(unnamed).map_name, "");
    EXPECT_EQ(desk.look(desk.one({.payload = "1"})).map_name, "");
}

TEST_P(MapsOfEachStore, AMapWithoutANameIsForgottenWhenAllOfItHasEnded) {
    const MapId map = open("");
    const MapId named = open("film-12");
    desk.ask<Finished>(done(add(map, 0).id));
    desk.ask<Finished>(done(add(named, 0).id));
    for (const MapId one : {map, named}) {
        desk.store->post(SealMap{one, {.items = 1}});
        desk.store->post(DropMap{one});
    }
    desk.ask<Flushed>(Flush{JobPoolId{1}, 1});
    desk.waiting();
    ASSERT_EQ(desk.maps.size(), 1U);
    EXPECT_EQ(desk.maps[0].map, named);
}

TEST_P(MapsOfEachStore, AMapWhoseClientIsStillThereIsNotForgotten) {
    const MapId map = open("");
    const JobId before = add(map, 0).id;
    desk.ask<Finished>(done(before));
    desk.store->post(Expire{wall_now() + 2h});
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (desk.ask<LookedUp>(LookUpJob{1, before}).job->has_value())
        ASSERT_LT(std::chrono::steady_clock::now(), until);
    EXPECT_EQ(desk.look(add(map, 1).id).map, map);
}

TEST_P(MapsOfEachStore, ASealIsAnsweredToWhoeverAsks) {
    const MapId map = open("film-12");
    EXPECT_EQ(desk.ask<MapSealStored>(SealMap{map, {.items = 0}, true}).map, map);
}

TEST_P(MapsOfEachStore, AMapThatGoesOnWithoutItsClientSaysSo) {
    const MapId map = open("");
    add(map, 0);
    desk.store->post(SealMap{map, {.items = 1, .goes_on = true}});
    desk.ask<Flushed>(Flush{JobPoolId{1}, 1});
    desk.waiting();
    ASSERT_EQ(desk.maps.size(), 1U);
    EXPECT_EQ(desk.maps[0].seal, (MapSeal{.items = 1, .goes_on = true}));
}

}  // namespace
}  // namespace pinion::jobs
