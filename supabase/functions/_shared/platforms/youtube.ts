// YouTube Music. YouTube's API has shown no watch history since 2016; what it shows of a member's
// music is the playlist "Liked Music", with the time of each like. That counts as one play.
import { SourceClient, SourceError } from "../sources/http.ts";
import { defined, type Json, maybe, object, objects, text } from "../sources/shape.ts";
import type { TokenEndpoint } from "./oauth.ts";
import type { Consent, Grant, HistoryPage, Platform, Play } from "./types.ts";

const A_PAGE = 50;

export class YoutubeHistory implements Platform {
  readonly name = "youtube";
  // 403 is about quotas and rights of the app.
  readonly deniedStatus = 401;

  constructor(
    readonly client: SourceClient,
    readonly tokens: TokenEndpoint,
    readonly playlist: string,
  ) {}

  connect(consent: Consent): Promise<Grant> {
    return this.tokens.exchange(consent);
  }

  refresh(refreshToken: string): Promise<Grant> {
    return this.tokens.refresh(refreshToken);
  }

  /**
   * Pages run from the newest to the oldest, so the mark of what is known moves when all are read:
   * the cursor holds `since`, that mark; and while pages are left `newest`, the next mark, and `page`.
   */
  async history(accessToken: string, cursor: Json): Promise<HistoryPage> {
    const since = text(cursor.since) ?? "";
    const page = text(cursor.page);
    const answer = await this.#page(accessToken, page);
    // A page token that has expired: from the newest page again. Nothing counts twice.
    if (!answer) return { plays: [], cursor: defined({ since: since || undefined }), done: !page };

    const items = answer.items.map((item) => ({ at: timeOf(item), item }));
    const fresh = items.filter(({ at }) => at !== undefined && at >= since);
    const newest = text(cursor.newest) ??
      fresh.reduce((latest, { at }) => at! > latest ? at! : latest, since);
    const done = !answer.next || items.some(({ at }) => at !== undefined && at < since);
    return {
      plays: fresh.flatMap(({ at, item }) => playOf(item, at!)),
      cursor: defined(
        done
          ? { since: newest || undefined }
          : { since: since || undefined, newest, page: answer.next },
      ),
      done,
    };
  }

  async #page(
    accessToken: string,
    page: string | undefined,
  ): Promise<{ items: Json[]; next: string | undefined } | undefined> {
    const query = new URLSearchParams({
      part: "snippet,contentDetails",
      playlistId: this.playlist,
      maxResults: String(A_PAGE),
      ...(page && { pageToken: page }),
    });
    try {
      return await this.client.get(
        `/youtube/v3/playlistItems?${query}`,
        (body) => {
          const answer = object(body, "the answer");
          return { items: objects(answer.items, "items"), next: text(answer.nextPageToken) };
        },
        { headers: { authorization: `Bearer ${accessToken}` } },
      );
    } catch (error) {
      if (page && error instanceof SourceError && error.status === 400) return undefined;
      throw error;
    }
  }
}

/** When a video came into the list, in a form whose order is that of time. */
function timeOf(item: Json): string | undefined {
  const at = Date.parse(text(maybe(item.snippet).publishedAt) ?? "");
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

function playOf(item: Json, playedAt: string): Play[] {
  const snippet = maybe(item.snippet);
  const title = text(snippet.title);
  // Videos that are private or gone have no channel.
  const channel = text(snippet.videoOwnerChannelTitle);
  if (!title || !channel) return [];
  return [{
    ...songOf(title, channel),
    played_at: playedAt,
    ...defined({ track_id: text(maybe(item.contentDetails).videoId) }),
  }];
}

/** Artist and song of a video: from the channels "<artist> - Topic", else from the title. */
export function songOf(title: string, channel: string): { artist: string; track_name: string } {
  const topic = channel.match(/^(.+) - Topic$/);
  if (topic) return { artist: topic[1]!, track_name: title };
  const name = title.replace(
    /\s*[([](official|lyrics?|audio|video|hd|4k|visuali[sz]er)\b[^)\]]*[)\]]/gi,
    "",
  );
  const parts = name.match(/^(.+?)\s+[-–—]\s+(.+)$/);
  if (parts) return { artist: parts[1]!, track_name: parts[2]! };
  return { artist: channel.replace(/VEVO$/, ""), track_name: name };
}
