// Spotify, Apple Music, YouTube and Replicate as a local server, for the studio's functions: answers
// in the form of the real ones, about songs that do not exist, and the failures a test asks for.
//
//   deno run --allow-net --allow-env tests/functions/platforms.ts PORT
//
// POST /_control {"world": {...}, "fail": [...]} changes both; GET /_control lists the requests.

/** What the platforms know of the one member that they have. */
export interface World {
  /** Plays at Spotify: one a minute, the first at `from`. It shows the last 50. */
  plays: number;
  from: string;
  /** What Apple shows, newest first. */
  apple: string[];
  /** Likes at YouTube: one an hour from `from`. */
  likes: number;
  /** Whether the member still allows it. */
  consent: boolean;
  /** Tokens were given so often. */
  grants: number;
  /** Access tokens up to this one are no longer good. */
  voided: number;
  /** Whether each refresh replaces the refresh token. */
  replaces: boolean;
}

/** What to answer instead, to the next `times` requests whose path holds `path`. */
export interface Failure {
  path: string;
  times?: number;
  status?: number;
  headers?: Record<string, string>;
  body?: string;
}

export interface Asked {
  method: string;
  path: string;
  body: string;
}

const SHOWN = 50;
const START: World = {
  plays: 120,
  from: "2026-01-05T10:00:00Z",
  apple: [],
  likes: 120,
  consent: true,
  grants: 0,
  voided: 0,
  replaces: false,
};

export class Platforms {
  world: World = { ...START };
  fail: Failure[] = [];
  asked: Asked[] = [];
  /** Replicate's jobs by id. */
  jobs = new Map<string, Record<string, unknown>>();

  async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const body = await request.text();
    if (url.pathname === "/_control") return this.#control(request.method, body);
    const path = url.pathname + url.search;
    this.asked.push({ method: request.method, path, body });
    const failure = this.fail.find((one) => path.includes(one.path) && one.times !== 0);
    if (failure) return failed(failure);
    if (url.pathname === "/api/token" || url.pathname === "/token") {
      return this.#token(request, new URLSearchParams(body));
    }
    if (url.pathname.startsWith("/v1/predictions")) return this.#replicate(request, url, body);
    if (url.pathname === "/audio.mp3") return new Response("sound".repeat(100));
    if (url.pathname.startsWith("/v1/me/recent/")) return this.#apple(request, url);
    const token = Number(request.headers.get("authorization")?.match(/^Bearer access-(\d+)$/)?.[1]);
    if (!(token > this.world.voided && token <= this.world.grants)) {
      return Response.json({ error: { status: 401 } }, { status: 401 });
    }
    if (url.pathname === "/v1/me/player/recently-played") return this.#spotify(url.searchParams);
    if (url.pathname === "/youtube/v3/playlistItems") return this.#youtube(url.searchParams);
    return Response.json({ error: "not found" }, { status: 404 });
  }

  #control(method: string, body: string): Response {
    if (method === "POST") {
      const { world, fail } = JSON.parse(body);
      this.world = { ...START, ...world };
      this.fail = fail ?? [];
      this.asked = [];
    }
    return Response.json({ world: this.world, requests: this.asked });
  }

  #token(request: Request, form: URLSearchParams): Response {
    if (request.headers.get("authorization") !== `Basic ${btoa("id:word")}`) {
      return Response.json({ error: "invalid_client" }, { status: 401 });
    }
    const exchanged = form.get("grant_type") === "authorization_code";
    const known = exchanged
      ? form.get("code") === "good"
      : form.get("refresh_token") === `refresh-${this.world.replaces ? this.world.grants : 1}`;
    if (!known || !this.world.consent) {
      return Response.json({ error: "invalid_grant" }, { status: 400 });
    }
    const grant = ++this.world.grants;
    return Response.json({
      access_token: `access-${grant}`,
      token_type: "Bearer",
      expires_in: 3600,
      scope: "user-read-recently-played",
      ...(this.world.replaces && { refresh_token: `refresh-${grant}` }),
      ...(exchanged && !this.world.replaces && { refresh_token: "refresh-1" }),
    });
  }

  #spotify(query: URLSearchParams): Response {
    const after = Number(query.get("after") ?? 0);
    const items = Array.from({ length: this.world.plays }, (_, place) => ({
      played_at: new Date(Date.parse(this.world.from) + place * 60_000).toISOString(),
      track: {
        id: `track${place % 40}`,
        uri: `spotify:track:track${place % 40}`,
        name: `Song ${place % 40}`,
        artists: [{ name: `Artist ${place % 7}` }],
        album: { name: "Album" },
      },
    })).reverse().slice(0, SHOWN);
    return Response.json({ items: items.filter((one) => Date.parse(one.played_at) > after) });
  }

  #apple(request: Request, url: URL): Response {
    if (!request.headers.get("authorization")?.match(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/)) {
      return Response.json({ errors: [] }, { status: 401 });
    }
    if (request.headers.get("music-user-token") !== "user-token" || !this.world.consent) {
      return Response.json({ errors: [] }, { status: 403 });
    }
    const [offset, limit] = [
      Number(url.searchParams.get("offset")),
      Number(url.searchParams.get("limit")),
    ];
    const data = this.world.apple.slice(0, SHOWN).slice(offset, offset + limit).map((id) => ({
      id,
      type: "songs",
      attributes: {
        name: `Song ${id}`,
        artistName: "An Artist",
        albumName: "An Album",
        genreNames: ["Pop", "Music"],
        durationInMillis: 200_000,
      },
    }));
    const more = offset + limit < Math.min(this.world.apple.length, SHOWN);
    return Response.json({ data, ...(more && { next: "/v1/me/recent/played/tracks?offset=30" }) });
  }

  #youtube(query: URLSearchParams): Response {
    const offset = Number(query.get("pageToken")?.slice(4) ?? 0);
    const all = Array.from({ length: this.world.likes }, (_, place) => ({
      snippet: {
        publishedAt: new Date(Date.parse(this.world.from) + place * 3_600_000).toISOString(),
        title: `Song ${place}`,
        // Some videos have been taken down.
        ...(place % 10 !== 9 && { videoOwnerChannelTitle: `Artist ${place % 5} - Topic` }),
      },
      contentDetails: { videoId: `video${place}` },
    })).reverse();
    const more = offset + SHOWN < all.length;
    return Response.json({
      items: all.slice(offset, offset + SHOWN),
      ...(more && { nextPageToken: `page${offset + SHOWN}` }),
    });
  }

  #replicate(request: Request, url: URL, body: string): Response {
    if (request.headers.get("authorization") !== "Bearer replicate-token") {
      return Response.json({ detail: "Unauthenticated" }, { status: 401 });
    }
    if (request.method === "POST") {
      const id = `job${this.jobs.size + 1}`;
      const job = { id, status: "starting", ...JSON.parse(body) };
      this.jobs.set(id, job);
      return Response.json(job, { status: 201 });
    }
    const job = this.jobs.get(url.pathname.split("/").at(-1)!);
    return job ? Response.json(job) : Response.json({ detail: "Not found" }, { status: 404 });
  }
}

function failed(failure: Failure): Response {
  if (failure.times !== undefined) failure.times--;
  return new Response(failure.body ?? "Sorry.", {
    status: failure.status ?? 200,
    headers: failure.headers ?? {},
  });
}

if (import.meta.main) {
  const platforms = new Platforms();
  Deno.serve(
    { port: Number(Deno.args[0]), hostname: "127.0.0.1" },
    (request) => platforms.answer(request),
  );
}
