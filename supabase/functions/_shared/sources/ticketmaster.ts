// Ticketmaster's Discovery API: who an artist is there, and the shows that are to come.
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
import type { ArtistIds, ArtistRow, ArtistSource, Batch, EventRow, VenueRow } from "./types.ts";

const PAGE = 200;
// Discovery answers no pages beyond its thousandth event.
const PAGES = 5;

const STATUS: Record<string, string> = {
  onsale: "scheduled",
  offsale: "scheduled",
  rescheduled: "scheduled",
  cancelled: "cancelled",
  canceled: "cancelled",
  postponed: "postponed",
};

export class Ticketmaster implements ArtistSource {
  readonly name = "Ticketmaster";

  constructor(readonly client: SourceClient, readonly key: string) {}

  async identify(ids: ArtistIds): Promise<ArtistIds | undefined> {
    const found = ids.ticketmaster_id
      ? await this.#attraction(ids.ticketmaster_id)
      : await this.#search(ids);
    return found && idsOf(found);
  }

  async artist(ids: ArtistIds): Promise<ArtistRow | undefined> {
    const found = ids.ticketmaster_id && await this.#attraction(ids.ticketmaster_id);
    if (!found) return undefined;
    const page = text(found.url);
    return {
      name: "",
      ...idsOf(found),
      ...defined({ image_url: imageOf(found) }),
      genres: genresOf(found),
      external_urls: page ? { ticketmaster: page } : {},
    };
  }

  async *events(ids: ArtistIds): AsyncIterable<Batch<EventRow>> {
    if (!ids.ticketmaster_id) return;
    for (let page = 0; page < PAGES; page++) {
      const answer = await this.client.get(
        this.#path("/discovery/v2/events.json", {
          attractionId: ids.ticketmaster_id,
          size: String(PAGE),
          page: String(page),
          sort: "date,asc",
        }),
        (body) => {
          const whole = object(body, "the answer");
          const pages = number(object(whole.page, "page").totalPages) ?? 1;
          return { events: embedded(whole, "events"), pages: Math.min(pages, PAGES) };
        },
      );
      if (!answer) return;
      const rows = answer.events.flatMap((event) => eventOf(event, ids.ticketmaster_id!));
      yield { rows, done: answer.pages > 0 ? Math.min((page + 1) / answer.pages, 1) : 1 };
      if (page + 1 >= answer.pages || answer.events.length === 0) return;
    }
  }

  #attraction(id: string): Promise<Json | undefined> {
    const path = `/discovery/v2/attractions/${encodeURIComponent(id)}.json`;
    return this.client.get(this.#path(path, {}), (body) => object(body, "the answer"));
  }

  async #search(ids: ArtistIds): Promise<Json | undefined> {
    if (!ids.name) return undefined;
    const found = await this.client.get(
      this.#path("/discovery/v2/attractions.json", {
        keyword: ids.name,
        classificationName: "music",
        size: "20",
      }),
      (body) => embedded(object(body, "the answer"), "attractions"),
    ) ?? [];
    const linked = ids.spotify_id && found.find((one) => spotifyOf(one) === ids.spotify_id);
    // A namesake that names another Spotify artist is somebody else.
    const named = found.find((one) =>
      sameName(text(one.name) ?? "", ids.name!) &&
      (!ids.spotify_id || [undefined, ids.spotify_id].includes(spotifyOf(one)))
    );
    return linked || named;
  }

  #path(path: string, query: Record<string, string>): string {
    return `${path}?${new URLSearchParams({ ...query, apikey: this.key })}`;
  }
}

/** A list inside `_embedded`, which is absent where there is nothing. */
function embedded(whole: Json, name: string): Json[] {
  const inside = whole._embedded;
  if (inside === undefined) {
    object(whole.page, "page"); // what has neither is no list at all
    return [];
  }
  return objects(object(inside, "_embedded")[name], name);
}

function idsOf(attraction: Json): ArtistIds {
  return defined({
    name: text(attraction.name),
    ticketmaster_id: text(attraction.id),
    spotify_id: spotifyOf(attraction),
    musicbrainz_id: text(maybe(several(maybe(attraction.externalLinks).musicbrainz)[0]).id),
  });
}

function spotifyOf(attraction: Json): string | undefined {
  const url = text(maybe(several(maybe(attraction.externalLinks).spotify)[0]).url);
  return url?.match(/\/artist\/([0-9A-Za-z]+)/)?.[1];
}

function imageOf(one: Json): string | undefined {
  const images = several(one.images).sort((a, b) =>
    (number(b.width) ?? 0) - (number(a.width) ?? 0)
  );
  return text(images[0]?.url);
}

function genresOf(one: Json): string[] {
  const names = several(one.classifications).flatMap((c) => [maybe(c.genre), maybe(c.subGenre)])
    .map((genre) => text(genre.name));
  return [...new Set(names)].filter((n) =>
    n !== undefined && !/^(Other|Undefined)$/.test(n)
  ) as string[];
}

function eventOf(event: Json, artist: string): EventRow[] {
  const start = maybe(maybe(event.dates).start);
  // A show without a day is not yet a show.
  const localDate = text(start.localDate);
  const startsAt = text(start.dateTime) ??
    (localDate && `${localDate}T${text(start.localTime) ?? "20:00:00"}Z`);
  const price = maybe(several(event.priceRanges)[0]);
  const status = text(maybe(maybe(event.dates).status).code)?.toLowerCase();
  const inside = maybe(event._embedded);
  const first = maybe(several(inside.attractions)[0]);
  const venue = several(inside.venues)[0];
  const ages = maybe(event.ageRestrictions).legalAgeEnforced === true;
  const found = venue && venueOf(venue);
  return [{
    ticketmaster_id: text(event.id) ?? "",
    title: text(event.name) ?? "",
    starts_at: startsAt ?? "",
    ...defined({
      status: status && STATUS[status],
      description: text(event.info),
      age_restrictions: ages ? "Legal age is enforced." : undefined,
      ticket_url: text(event.url),
      min_price: number(price.min),
      max_price: number(price.max),
      currency: text(price.currency),
      image_url: imageOf(event),
      venue: found,
    }),
    ticket_available: status === "onsale",
    genres: genresOf(event),
    is_headliner: text(first.id) === undefined || text(first.id) === artist,
  }];
}

function venueOf(venue: Json): VenueRow | undefined {
  const name = text(venue.name);
  if (!name) return undefined;
  const place = maybe(venue.location);
  return {
    name,
    ...defined({
      ticketmaster_id: text(venue.id),
      address: text(maybe(venue.address).line1),
      city: text(maybe(venue.city).name),
      region: text(maybe(venue.state).stateCode) ?? text(maybe(venue.state).name),
      country: text(maybe(venue.country).countryCode),
      postal_code: text(venue.postalCode),
      timezone: text(venue.timezone),
      latitude: number(place.latitude),
      longitude: number(place.longitude),
    }),
  };
}
