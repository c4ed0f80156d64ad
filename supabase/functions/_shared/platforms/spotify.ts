// Spotify's "recently played": the last 50 plays with their times, which is all that it keeps.
import { SourceClient } from "../sources/http.ts";
import {
  defined,
  type Json,
  maybe,
  number,
  object,
  objects,
  several,
  text,
} from "../sources/shape.ts";
import type { TokenEndpoint } from "./oauth.ts";
import type { Consent, Grant, HistoryPage, Platform, Play } from "./types.ts";

const A_PAGE = 50;

export class SpotifyHistory implements Platform {
  readonly name = "spotify";
  readonly deniedStatus = 401;

  constructor(readonly client: SourceClient, readonly tokens: TokenEndpoint) {}

  connect(consent: Consent): Promise<Grant> {
    return this.tokens.exchange(consent);
  }

  refresh(refreshToken: string): Promise<Grant> {
    return this.tokens.refresh(refreshToken);
  }

  /** The cursor is the time of the newest play that was read, in milliseconds. */
  async history(accessToken: string, cursor: Json): Promise<HistoryPage> {
    const after = number(cursor.after) ?? 0;
    const query = `limit=${A_PAGE}${after ? `&after=${after}` : ""}`;
    const items = await this.client.get(
      `/v1/me/player/recently-played?${query}`,
      (body) => objects(object(body, "the answer").items, "items"),
      { headers: { authorization: `Bearer ${accessToken}` } },
    ) ?? [];
    const plays = items.flatMap(playOf);
    const newest = plays.reduce((at, play) => Math.max(at, Date.parse(play.played_at)), after);
    return {
      plays,
      cursor: { after: newest },
      // No news is the end, whatever the size of the page.
      done: items.length < A_PAGE || newest === after,
    };
  }
}

function playOf(item: Json): Play[] {
  const track = maybe(item.track);
  const playedAt = text(item.played_at);
  if (!playedAt || Number.isNaN(Date.parse(playedAt))) return [];
  return [{
    track_name: text(track.name) ?? "",
    artist: text(several(track.artists)[0]?.name) ?? "",
    played_at: playedAt,
    ...defined({
      track_id: text(track.uri) ?? text(track.id),
      album: text(maybe(track.album).name),
    }),
  }];
}
