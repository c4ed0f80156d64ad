// setlist.fm: what an artist played. Twenty setlists a page, newest first.
import type { SourceClient } from "./http.ts";
import {
  defined,
  type Json,
  maybe,
  number,
  object,
  objects,
  sameName,
  several,
  text,
} from "./shape.ts";
import type { ArtistIds, ArtistSource, Batch, SetlistRow, VenueRow } from "./types.ts";

export class SetlistFm implements ArtistSource {
  readonly name = "setlist.fm";

  constructor(readonly client: SourceClient, readonly key: string, readonly maxPages: number) {}

  async identify(ids: ArtistIds): Promise<ArtistIds | undefined> {
    if (ids.musicbrainz_id) return { musicbrainz_id: ids.musicbrainz_id };
    if (!ids.name) return undefined;
    const query = new URLSearchParams({ artistName: ids.name, sort: "relevance" });
    const found = await this.#get(
      `/rest/1.0/search/artists?${query}`,
      (body) => objects(object(body, "the answer").artist, "artist"),
    );
    const named = found?.find((artist) => sameName(text(artist.name) ?? "", ids.name!));
    const mbid = named && text(named.mbid);
    return mbid ? { musicbrainz_id: mbid } : undefined;
  }

  async *setlists(ids: ArtistIds): AsyncIterable<Batch<SetlistRow>> {
    if (!ids.musicbrainz_id) return;
    for (let page = 1; page <= this.maxPages; page++) {
      const answer = await this.#get(
        `/rest/1.0/artist/${encodeURIComponent(ids.musicbrainz_id)}/setlists?p=${page}`,
        (body) => {
          const whole = object(body, "the answer");
          const found = objects(whole.setlist, "setlist");
          const size = number(whole.itemsPerPage) || 20;
          return {
            found,
            pages: Math.min(Math.ceil((number(whole.total) ?? 0) / size), this.maxPages),
          };
        },
      );
      if (!answer || answer.found.length === 0) return;
      yield {
        rows: answer.found.flatMap(setlistOf),
        done: Math.min(page / Math.max(answer.pages, 1), 1),
      };
      if (page >= answer.pages) return;
    }
  }

  #get<T>(path: string, read: (body: unknown) => T): Promise<T | undefined> {
    return this.client.get(path, read, {
      headers: { accept: "application/json", "x-api-key": this.key },
    });
  }
}

function setlistOf(setlist: Json): SetlistRow[] {
  const songs = several(maybe(setlist.sets).set).flatMap((set) => several(set.song))
    // Music from tape was not played.
    .filter((song) => song.tape !== true)
    .map((song) => ({
      title: text(song.name) ?? "",
      ...defined({ cover_of: text(maybe(song.cover).name) }),
    }))
    .filter((song) => song.title !== "");
  // Many nights have a page before anybody knows what was played.
  if (songs.length === 0) return [];
  const venue = venueOf(maybe(setlist.venue));
  return [{
    setlistfm_id: text(setlist.id) ?? "",
    event_date: (text(setlist.eventDate) ?? "").split("-").reverse().join("-"),
    ...(venue && { venue }),
    songs,
  }];
}

function venueOf(venue: Json): VenueRow | undefined {
  const name = text(venue.name);
  if (!name) return undefined;
  const city = maybe(venue.city);
  const place = maybe(city.coords);
  return {
    name,
    ...defined({
      setlistfm_id: text(venue.id),
      city: text(city.name),
      region: text(city.stateCode),
      country: text(maybe(city.country).code),
      // Those of the city: near enough for lists, and better than nothing.
      latitude: number(place.lat),
      longitude: number(place.long),
    }),
  };
}
