// The three sources as a local server: answers in the form of the real ones, about artists that do
// not exist, and the failures that a test asks for.
//
//   deno run --allow-net --allow-env tests/functions/sources.ts PORT
//
// POST /_control {"world": {...}, "fail": [...]} replaces both; GET /_control lists the requests.

/** How much the sources know of every artist. */
export interface World {
  name: string;
  songs: number;
  events: number;
  setlists: number;
  /** Milliseconds before each answer. */
  delay: number;
}

/** What to answer instead, to the next `times` requests whose path holds `path`. */
export interface Failure {
  path: string;
  times?: number;
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  /** Bytes of an endless answer. */
  huge?: number;
  /** Answers nothing at all. */
  hang?: boolean;
}

export interface Request_ {
  path: string;
  at: number;
}

export const IDS = {
  spotify: "4Z8W4fKeB5YxbusRsdQVPb",
  ticketmaster: "K8vZ9171ob7",
  musicbrainz: "a74b1b7f-71a5-4011-9441-d0b5e4122711",
};

const CITIES = [
  ["Philadelphia", "PA", "US", "39.9526", "-75.1652", "America/New_York"],
  ["Köln", "NW", "DE", "50.9375", "6.9603", "Europe/Berlin"],
  ["Osaka", "27", "JP", "34.6937", "135.5023", "Asia/Tokyo"],
] as const;

export class Sources {
  world: World = { name: "The Paper Kites of Mars", songs: 45, events: 12, setlists: 25, delay: 0 };
  fail: Failure[] = [];
  requests: Request_[] = [];

  /** Answers as the source whose path it is. */
  async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/_control") return await this.#control(request);
    this.requests.push({ path: url.pathname + url.search, at: Date.now() });
    if (this.world.delay) await new Promise((done) => setTimeout(done, this.world.delay));
    const failure = this.fail.find((one) => request.url.includes(one.path) && one.times !== 0);
    if (failure) return await this.#failed(failure);
    const found = this.#find(url, request);
    if (found === undefined) return Response.json({ error: "not found" }, { status: 404 });
    return Response.json(found);
  }

  async #control(request: Request): Promise<Response> {
    if (request.method === "POST") {
      const { world, fail } = await request.json();
      Object.assign(this.world, world);
      this.fail = fail ?? [];
      this.requests = [];
    }
    return Response.json({ requests: this.requests });
  }

  async #failed(failure: Failure): Promise<Response> {
    if (failure.times !== undefined) failure.times--;
    if (failure.hang) await new Promise((done) => setTimeout(done, 60_000));
    const body = failure.huge ? endless(failure.huge) : failure.body ?? "Sorry.";
    return new Response(body, { status: failure.status ?? 200, headers: failure.headers ?? {} });
  }

  #find(url: URL, request: Request): unknown {
    const query = url.searchParams;
    const path = url.pathname;
    if (path === "/api/token") return { access_token: "t", token_type: "Bearer", expires_in: 3600 };
    if (path.startsWith("/v1/")) {
      if (request.headers.get("authorization") !== "Bearer t") return undefined;
      return this.#spotify(path, query);
    }
    if (path.startsWith("/discovery/")) return this.#ticketmaster(path, query);
    if (path.startsWith("/rest/1.0/")) return this.#setlistfm(path, query);
    return undefined;
  }

  // Spotify -----------------------------------------------------------------------------------

  #spotify(path: string, query: URLSearchParams): unknown {
    const albums = Math.ceil(this.world.songs / 10);
    if (path === "/v1/search") {
      const asked = query.get("q")?.match(/"(.*)"/)?.[1] ?? "";
      const known = asked.toLowerCase() === this.world.name.toLowerCase();
      const items = known ? [this.#artist(80), { ...this.#artist(3), id: "namesake" }] : [];
      return {
        artists: {
          items: [...items, { ...this.#artist(99), id: "other", name: "Other" }],
          total: 3,
        },
      };
    }
    if (path === `/v1/artists/${IDS.spotify}`) return this.#artist(80);
    if (path === `/v1/artists/${IDS.spotify}/albums`) {
      const [offset, limit] = [Number(query.get("offset")), Number(query.get("limit"))];
      const ids = Array.from({ length: albums }, (_, i) => ({ id: `album${i}` }));
      return {
        items: ids.slice(offset, offset + limit),
        next: offset + limit < albums ? "https://api.spotify.com/next" : null,
        total: albums,
      };
    }
    if (path === "/v1/albums") {
      const ids = query.get("ids")?.split(",") ?? [];
      return { albums: ids.map((id) => this.#album(Number(id.slice(5)))) };
    }
    const album = path.match(/^\/v1\/albums\/album(\d+)\/tracks$/);
    if (album) {
      const offset = Number(query.get("offset"));
      return { items: this.#tracks(Number(album[1])).slice(offset), next: null };
    }
    return undefined;
  }

  #artist(popularity: number): Record<string, unknown> {
    return {
      id: IDS.spotify,
      name: this.world.name,
      genres: ["indie rock", "shoegaze"],
      popularity,
      followers: { total: 123456 },
      images: [{ url: "https://img.example/640", width: 640 }, {
        url: "https://img.example/64",
        width: 64,
      }],
      external_urls: { spotify: `https://open.spotify.example/artist/${IDS.spotify}` },
    };
  }

  #album(number: number): unknown {
    const tracks = this.#tracks(number);
    return {
      id: `album${number}`,
      name: `Album ${number}`,
      release_date: number % 2 ? "1997" : "2004-11-09",
      images: [{ url: `https://img.example/album${number}` }],
      // The last ones come on a second page.
      tracks: { items: tracks.slice(0, 8), next: tracks.length > 8 ? "more" : null },
    };
  }

  #tracks(album: number): unknown[] {
    const count = Math.min(10, this.world.songs - album * 10);
    const own = { id: IDS.spotify, name: this.world.name };
    return Array.from({ length: count }, (_, i) => ({
      id: `track${album * 10 + i}`,
      // Every tenth is a remaster of the first song of its album.
      name: i === 9 ? `Song ${album * 10} - Remastered 2011` : `Song ${album * 10 + i}`,
      duration_ms: 180_000 + i,
      explicit: i === 3,
      preview_url: null,
      track_number: i + 1,
      disc_number: 1,
      artists: i === 5 ? [{ id: "guest", name: "A Guest" }, own] : [own],
    }));
  }

  // Ticketmaster ------------------------------------------------------------------------------

  #ticketmaster(path: string, query: URLSearchParams): unknown {
    const attraction = {
      id: IDS.ticketmaster,
      name: this.world.name,
      url: "https://tickets.example/artist",
      externalLinks: {
        spotify: [{ url: `https://open.spotify.com/artist/${IDS.spotify}` }],
        musicbrainz: [{ id: IDS.musicbrainz }],
      },
      images: [{ url: "https://img.example/tm", width: 1024 }],
      classifications: [{ genre: { name: "Rock" }, subGenre: { name: "Other" } }],
    };
    if (path === "/discovery/v2/attractions.json") {
      const known = query.get("keyword")?.toLowerCase() === this.world.name.toLowerCase();
      const page = { size: 20, totalElements: known ? 1 : 0, totalPages: 1, number: 0 };
      return known ? { _embedded: { attractions: [attraction] }, page } : { page };
    }
    if (path === `/discovery/v2/attractions/${IDS.ticketmaster}.json`) return attraction;
    if (path !== "/discovery/v2/events.json") return undefined;
    const [size, number] = [Number(query.get("size")), Number(query.get("page"))];
    const total = this.world.events;
    const page = { size, totalElements: total, totalPages: Math.ceil(total / size), number };
    const all = Array.from({ length: total }, (_, i) => this.#event(i));
    const events = all.slice(number * size, (number + 1) * size);
    return events.length > 0 ? { _embedded: { events }, page } : { page };
  }

  #event(number: number): unknown {
    const [city, state, country, latitude, longitude, timezone] = CITIES[number % 3]!;
    const day = new Date(Date.UTC(2031, 0, 1 + number)).toISOString().slice(0, 10);
    const start = { localDate: day, localTime: "20:00:00", dateTime: `${day}T19:00:00Z` };
    return {
      id: `event${number}`,
      name: `${this.world.name}: night ${number}`,
      url: `https://tickets.example/${number}`,
      info: "Doors at seven.",
      // The last one has no date yet.
      dates: {
        start: number === this.world.events - 1 ? { dateTBA: true } : start,
        timezone,
        status: { code: number === 1 ? "cancelled" : "onsale" },
      },
      priceRanges: [{ min: 35.5, max: 120, currency: "EUR" }],
      ageRestrictions: { legalAgeEnforced: number === 2 },
      classifications: [{ genre: { name: "Rock" }, subGenre: { name: "Indie Rock" } }],
      _embedded: {
        venues: [{
          id: `venue${number % 7}`,
          name: `Hall ${number % 7}`,
          city: { name: city },
          state: { stateCode: state },
          country: { countryCode: country },
          postalCode: "19107",
          timezone,
          address: { line1: "1 Main Street" },
          location: { latitude, longitude },
        }],
        attractions: number === 3
          ? [{ id: "festival", name: "A Festival" }, { id: IDS.ticketmaster }]
          : [{ id: IDS.ticketmaster }],
      },
    };
  }

  // setlist.fm --------------------------------------------------------------------------------

  #setlistfm(path: string, query: URLSearchParams): unknown {
    if (path === "/rest/1.0/search/artists") {
      const known = query.get("artistName")?.toLowerCase() === this.world.name.toLowerCase();
      return known
        ? { artist: [{ mbid: IDS.musicbrainz, name: this.world.name }], total: 1 }
        : undefined;
    }
    if (path !== `/rest/1.0/artist/${IDS.musicbrainz}/setlists`) return undefined;
    const page = Number(query.get("p"));
    const all = Array.from({ length: this.world.setlists }, (_, i) => this.#setlist(i));
    const setlist = all.slice((page - 1) * 20, page * 20);
    if (setlist.length === 0) return undefined;
    return { type: "setlists", itemsPerPage: 20, page, total: all.length, setlist };
  }

  #setlist(number: number): unknown {
    const [city, state, country, latitude, longitude] = CITIES[number % 3]!;
    const day = new Date(Date.UTC(2020, 0, 1 + number)).toISOString().slice(0, 10);
    const songs = Array.from(
      { length: 18 },
      (_, i) => ({ name: `Song ${(number * 7 + i) % this.world.songs}` }),
    );
    return {
      id: `setlist${number}`,
      eventDate: day.split("-").reverse().join("-"),
      artist: { mbid: IDS.musicbrainz, name: this.world.name },
      venue: {
        id: `place${number % 5}`,
        name: `Hall ${number % 5}`,
        city: {
          name: city,
          stateCode: state,
          coords: { lat: Number(latitude), long: Number(longitude) },
          country: { code: country },
        },
      },
      sets: {
        set: number === 4 ? [] : [
          { song: [{ name: "Overture", tape: true }, ...songs] },
          { encore: 1, song: [{ name: "Hallelujah", cover: { name: "Leonard Cohen" } }, songs[0]] },
        ],
      },
    };
  }
}

function endless(bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(Math.min(left, 65_536)).fill(32));
      left -= 65_536;
      if (left <= 0) controller.close();
    },
  });
}

if (import.meta.main) {
  const sources = new Sources();
  Deno.serve(
    { port: Number(Deno.args[0]), hostname: "127.0.0.1" },
    (request) => sources.answer(request),
  );
}
