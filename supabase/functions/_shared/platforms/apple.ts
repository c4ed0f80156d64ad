// Apple Music's "recently played tracks": the last 50 in order, without times. What is new since the
// last sync is what stands before the tracks that were first then; the times are estimated.
import { invalidArgument } from "../errors.ts";
import { SourceClient, SourceError } from "../sources/http.ts";
import { defined, type Json, maybe, number, object, objects, text } from "../sources/shape.ts";
import { type Consent, ConsentGone, type Grant, type HistoryPage, type Platform } from "./types.ts";

const A_PAGE = 30;
const PAGES = 2;
const USUAL_MS = 210_000;
const DEVELOPER_TOKEN_SECONDS = 3600;

/** The app at Apple: `privateKey` is the PKCS #8 text of the .p8 file. */
export interface AppleKeys {
  teamId: string;
  keyId: string;
  privateKey: string;
}

export class AppleHistory implements Platform {
  readonly name = "apple";
  // 401 is about the developer token, 403 about the member's.
  readonly deniedStatus = 403;
  #developer: { token: string; until: number } | undefined;

  constructor(
    readonly client: SourceClient,
    readonly keys: AppleKeys,
    readonly now: () => number = Date.now,
  ) {}

  /** MusicKit gives the app the member's token itself. */
  connect({ userToken }: Consent): Promise<Grant> {
    if (!userToken) {
      throw invalidArgument("user_token", "user_token is missing", "Pass what MusicKit gave.");
    }
    return Promise.resolve({
      accessToken: userToken,
      refreshToken: null,
      expiresIn: null,
      scopes: null,
    });
  }

  /** There is no such thing at Apple: the member must connect again. */
  refresh(): Promise<Grant> {
    return Promise.reject(new ConsentGone("Apple Music: its tokens cannot be refreshed"));
  }

  /** The cursor holds the ids as they stood at the last sync, and when that was. */
  async history(accessToken: string, cursor: Json): Promise<HistoryPage> {
    const now = this.now();
    const tracks = await this.#recent(accessToken);
    const ids = tracks.map((track) => text(track.id) ?? "");
    const known = Array.isArray(cursor.ids) ? cursor.ids.map(String) : [];
    const fresh = tracks.slice(0, countNew(ids, known));
    const times = estimatedTimes(fresh.map(lengthOf), now, number(cursor.at));
    return {
      plays: fresh.map((track, place) => {
        const known = maybe(track.attributes);
        const genres = Array.isArray(known.genreNames)
          ? known.genreNames.filter((genre) => typeof genre === "string" && genre !== "Music")
          : [];
        return {
          track_name: text(known.name) ?? "",
          artist: text(known.artistName) ?? "",
          genres,
          played_at: new Date(times[place]!).toISOString(),
          ...defined({ track_id: text(track.id), album: text(known.albumName) }),
        };
      }),
      // An empty list (the member has switched the history off) is no reason to forget.
      cursor: { ids: ids.length > 0 ? ids : known, at: now },
      done: true,
    };
  }

  async #recent(accessToken: string): Promise<Json[]> {
    const headers = {
      authorization: `Bearer ${await this.#developerToken()}`,
      "music-user-token": accessToken,
    };
    const tracks: Json[] = [];
    for (let page = 0; page < PAGES; page++) {
      const query = `limit=${A_PAGE}&offset=${page * A_PAGE}`;
      const answer = await this.client.get(
        `/v1/me/recent/played/tracks?${query}`,
        (body) => {
          const { data, next } = object(body, "the answer");
          return { data: objects(data, "data"), more: text(next) !== undefined };
        },
        { headers },
      );
      tracks.push(...answer?.data ?? []);
      if (!answer?.more) break;
    }
    return tracks;
  }

  /** A JWT that says which app asks (ES256). */
  async #developerToken(): Promise<string> {
    const seconds = Math.floor(this.now() / 1000);
    if (!this.#developer || this.#developer.until < seconds + 60) {
      const until = seconds + DEVELOPER_TOKEN_SECONDS;
      const { teamId, keyId } = this.keys;
      const head = base64url(JSON.stringify({ alg: "ES256", kid: keyId }));
      const claims = base64url(JSON.stringify({ iss: teamId, iat: seconds, exp: until }));
      const signed = await crypto.subtle.sign(
        { name: "ECDSA", hash: "SHA-256" },
        await this.#key(),
        new TextEncoder().encode(`${head}.${claims}`),
      );
      const signature = base64url(String.fromCharCode(...new Uint8Array(signed)));
      this.#developer = { token: `${head}.${claims}.${signature}`, until };
    }
    return this.#developer.token;
  }

  async #key(): Promise<CryptoKey> {
    try {
      const body = this.keys.privateKey.replaceAll(/-----[^-]+-----|\\n|\s/g, "");
      const bytes = Uint8Array.from(atob(body), (char) => char.charCodeAt(0));
      const algorithm = { name: "ECDSA", namedCurve: "P-256" };
      return await crypto.subtle.importKey("pkcs8", bytes, algorithm, false, ["sign"]);
    } catch {
      throw new SourceError("source_refused", this.client.source, "APPLE_PRIVATE_KEY is no key");
    }
  }
}

/**
 * How many of `current` (newest first) came after `known`. A track that is played again may stand
 * twice, or move to the front: both are understood.
 */
export function countNew(current: readonly string[], known: readonly string[]): number {
  for (let count = 0; count < current.length; count++) {
    const fresh = new Set(current.slice(0, count));
    const rest = current.slice(count);
    if (beginAlike(rest, known) || beginAlike(rest, known.filter((id) => !fresh.has(id)))) {
      return count;
    }
  }
  return current.length;
}

function beginAlike(a: readonly string[], b: readonly string[]): boolean {
  const length = Math.min(a.length, b.length);
  return length > 0 && a.slice(0, length).every((id, place) => id === b[place]);
}

/**
 * When tracks (newest first, their lengths in milliseconds) began: one after the other up to now,
 * closer together where the last sync was not long enough ago for that.
 */
export function estimatedTimes(
  lengths: readonly number[],
  now: number,
  lastSync: number | undefined,
): number[] {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const room = lastSync === undefined ? total : Math.max(now - lastSync, 0);
  const scale = total > room ? room / total : 1;
  let at = now;
  return lengths.map((length) => at -= length * scale);
}

const lengthOf = (track: Json): number =>
  number(maybe(track.attributes).durationInMillis) ?? USUAL_MS;

const base64url = (text: string): string =>
  btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
