// Spotify's Web API with client credentials: artists, their albums and every song on them.
import { SourceClient, SourceError } from "./http.ts";
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
import type { ArtistIds, ArtistRow, ArtistSource, Batch, SongRow } from "./types.ts";

const ALBUMS_A_PAGE = 50;
const ALBUMS_AT_ONCE = 20;

/** Where Spotify is and who asks. */
export interface SpotifyKeys {
  clientId: string;
  clientSecret: string;
}

export class Spotify implements ArtistSource {
  readonly name = "Spotify";
  #token: { value: string; until: number } | undefined;

  constructor(
    readonly client: SourceClient,
    readonly accounts: SourceClient,
    readonly keys: SpotifyKeys,
    readonly maxSongs: number,
  ) {}

  async identify(ids: ArtistIds): Promise<ArtistIds | undefined> {
    if (ids.spotify_id) {
      const artist = await this.#get(`/v1/artists/${encodeURIComponent(ids.spotify_id)}`, artistOf);
      return artist && { name: artist.name, spotify_id: ids.spotify_id };
    }
    if (!ids.name) return undefined;
    const query = new URLSearchParams({ q: `artist:"${ids.name}"`, type: "artist", limit: "10" });
    const found = await this.#get(
      `/v1/search?${query}`,
      (body) =>
        objects(object(object(body, "the answer").artists, "artists").items, "artists.items"),
    );
    const named = (found ?? []).map(artistOf).filter((artist) => sameName(artist.name, ids.name!));
    named.sort((a, b) => (b.popularity ?? 0) - (a.popularity ?? 0));
    const best = named[0];
    return best?.spotify_id ? { name: best.name, spotify_id: best.spotify_id } : undefined;
  }

  async artist(ids: ArtistIds): Promise<ArtistRow | undefined> {
    if (!ids.spotify_id) return undefined;
    return await this.#get(`/v1/artists/${encodeURIComponent(ids.spotify_id)}`, artistOf);
  }

  async *songs(ids: ArtistIds): AsyncIterable<Batch<SongRow>> {
    if (!ids.spotify_id) return;
    const albums = await this.#albumIds(ids.spotify_id);
    let count = 0;
    for (let first = 0; first < albums.length; first += ALBUMS_AT_ONCE) {
      const some = albums.slice(first, first + ALBUMS_AT_ONCE);
      const rows = await this.#songsOf(some, ids.spotify_id);
      count += rows.length;
      if (count > this.maxSongs) {
        rows.length -= count - this.maxSongs;
        return yield { rows, done: 1 };
      }
      yield { rows, done: Math.min((first + some.length) / albums.length, 1) };
    }
  }

  async #albumIds(artist: string): Promise<string[]> {
    const found: string[] = [];
    for (let offset = 0;; offset += ALBUMS_A_PAGE) {
      const query = `include_groups=album,single&limit=${ALBUMS_A_PAGE}&offset=${offset}`;
      const page = await this.#get(
        `/v1/artists/${encodeURIComponent(artist)}/albums?${query}`,
        (body) => {
          const answer = object(body, "the answer");
          return { items: objects(answer.items, "items"), more: text(answer.next) !== undefined };
        },
      );
      for (const album of page?.items ?? []) {
        const id = text(album.id);
        if (id) found.push(id);
      }
      // An endless list is as bad as a huge one.
      if (!page?.more || page.items.length === 0 || found.length >= this.maxSongs) return found;
    }
  }

  async #songsOf(albums: string[], artist: string): Promise<SongRow[]> {
    const answer = await this.#get(
      `/v1/albums?ids=${albums.map(encodeURIComponent).join(",")}`,
      (body) => objects(object(body, "the answer").albums, "albums"),
    );
    const rows: SongRow[] = [];
    for (const album of answer ?? []) {
      const tracks = maybe(album.tracks);
      rows.push(...several(tracks.items).flatMap((track) => songOf(track, album, artist)));
      // The album's first tracks came with it; the rest is asked for.
      let offset = several(tracks.items).length;
      let more = text(tracks.next) !== undefined && offset > 0;
      while (more) {
        const page = await this.#get(
          `/v1/albums/${encodeURIComponent(text(album.id) ?? "")}/tracks?limit=50&offset=${offset}`,
          (body) => object(body, "the answer"),
        );
        const items = objects(page?.items ?? [], "items");
        rows.push(...items.flatMap((track) => songOf(track, album, artist)));
        offset += items.length;
        more = text(page?.next) !== undefined && items.length > 0;
      }
    }
    return rows;
  }

  async #get<T>(path: string, read: (body: unknown) => T): Promise<T | undefined> {
    try {
      return await this.client.get(path, read, await this.#authorized());
    } catch (error) {
      // A token may end early; a new one is asked for once.
      if (!(error instanceof SourceError) || error.code !== "source_refused") throw error;
      this.#token = undefined;
      return await this.client.get(path, read, await this.#authorized());
    }
  }

  async #authorized(): Promise<RequestInit> {
    if (!this.#token || this.#token.until < Date.now()) {
      const token = await this.accounts.get("/api/token", (body) => {
        const answer = object(body, "the answer");
        const lifetime = number(answer.expires_in) ?? 3600;
        return { value: text(answer.access_token), until: Date.now() + (lifetime - 60) * 1000 };
      }, {
        method: "POST",
        headers: {
          authorization: `Basic ${btoa(`${this.keys.clientId}:${this.keys.clientSecret}`)}`,
          "content-type": "application/x-www-form-urlencoded",
        },
        body: "grant_type=client_credentials",
      });
      if (!token?.value) throw new SourceError("source_malformed", this.name, "gave no token");
      this.#token = { value: token.value, until: token.until };
    }
    return { headers: { authorization: `Bearer ${this.#token.value}` } };
  }
}

function artistOf(body: unknown): ArtistRow {
  const artist = object(body, "an artist");
  const images = several(artist.images).map((image) => text(image.url)).filter((url) =>
    url !== undefined
  );
  const genres = Array.isArray(artist.genres)
    ? artist.genres.filter((g) => typeof g === "string")
    : [];
  const page = text(maybe(artist.external_urls).spotify);
  return {
    name: text(artist.name) ?? "",
    ...defined({
      spotify_id: text(artist.id),
      image_url: images[0],
      small_image_url: images.at(-1),
      popularity: number(artist.popularity),
      followers: number(maybe(artist.followers).total),
    }),
    genres,
    external_urls: page ? { spotify: page } : {},
  };
}

function songOf(track: Json, album: Json, artist: string): SongRow[] {
  const artists = several(track.artists).map((entry) => text(entry.id));
  // Compilations hold songs of others.
  if (artists.length > 0 && !artists.includes(artist)) return [];
  return [{
    title: text(track.name) ?? "",
    ...defined({
      spotify_id: text(track.id),
      artist: text(several(track.artists)[0]?.name),
      album: text(album.name),
      album_art_url: text(maybe(several(album.images)[0]).url),
      release_date: wholeDate(text(album.release_date)),
      duration_ms: number(track.duration_ms),
      preview_url: text(track.preview_url),
      track_number: number(track.track_number),
      disc_number: number(track.disc_number),
    }),
    is_explicit: track.explicit === true,
    is_playable: track.is_playable !== false,
    is_primary_artist: artists.length === 0 || artists[0] === artist,
  }];
}

/** Spotify gives days, months or years. */
function wholeDate(date: string | undefined): string | undefined {
  return date && `${date}-01-01`.slice(0, 10);
}
