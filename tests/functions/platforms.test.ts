// The three platforms: what is new since a cursor, and answers that lack what they promise.
import assert from "node:assert/strict";
import {
  AppleHistory,
  countNew,
  estimatedTimes,
} from "../../supabase/functions/_shared/platforms/apple.ts";
import { TokenEndpoint } from "../../supabase/functions/_shared/platforms/oauth.ts";
import { SpotifyHistory } from "../../supabase/functions/_shared/platforms/spotify.ts";
import {
  ConsentGone,
  type Platform,
  type Play,
} from "../../supabase/functions/_shared/platforms/types.ts";
import { songOf, YoutubeHistory } from "../../supabase/functions/_shared/platforms/youtube.ts";
import {
  LIMITS,
  SourceClient,
  SourceError,
} from "../../supabase/functions/_shared/sources/http.ts";
import type { Json } from "../../supabase/functions/_shared/sources/shape.ts";
import { Platforms } from "./platforms.ts";

const NOW = Date.parse("2026-02-01T12:00:00Z");

interface Setting {
  server: Platforms;
  spotify: SpotifyHistory;
  apple: AppleHistory;
  youtube: YoutubeHistory;
}

async function against(test: (setting: Setting) => Promise<void>): Promise<void> {
  const server = new Platforms();
  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => server.answer(request),
  );
  const base = `http://127.0.0.1:${http.addr.port}`;
  const client = (name: string) =>
    new SourceClient(name, base, { ...LIMITS, interval: 0, attempts: 2 });
  const app = { clientId: "id", clientSecret: "word" };
  const tokens = new TokenEndpoint("Test", `${base}/token`, app, 1000);
  try {
    await test({
      server,
      spotify: new SpotifyHistory(client("Spotify"), tokens),
      apple: new AppleHistory(client("Apple"), await appleKeys(), () => NOW),
      youtube: new YoutubeHistory(client("YouTube"), tokens, "LM"),
    });
  } finally {
    await http.shutdown();
  }
}

async function appleKeys(): Promise<{ teamId: string; keyId: string; privateKey: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const bytes = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const body = btoa(String.fromCharCode(...bytes));
  // As it stands in an .env file.
  const privateKey = `-----BEGIN PRIVATE KEY-----\\n${body}\\n-----END PRIVATE KEY-----`;
  return { teamId: "team", keyId: "key", privateKey };
}

/** All plays from a cursor on, and the cursor after them. */
async function all(platform: Platform, token: string, from: Json): Promise<[Play[], Json]> {
  const plays: Play[] = [];
  let cursor = from;
  for (let page = 0; page < 20; page++) {
    // As it comes back from the database.
    const found = await platform.history(token, JSON.parse(JSON.stringify(cursor)));
    plays.push(...found.plays);
    cursor = found.cursor;
    if (found.done) return [plays, cursor];
  }
  throw new Error("it does not end");
}

Deno.test("Spotify: the last 50, then what was played since", async () => {
  await against(async ({ server, spotify }) => {
    const { accessToken } = await spotify.connect({
      code: "good",
      redirectUri: "https://a.example",
    });
    const [first, mark] = await all(spotify, accessToken, {});
    assert.equal(first.length, 50);
    assert.equal(first[0]!.track_id, "spotify:track:track39");
    server.world.plays += 3;
    const [second, next] = await all(spotify, accessToken, mark);
    assert.deepEqual(second.map((play) => play.track_name), ["Song 2", "Song 1", "Song 0"]);
    assert.deepEqual((await all(spotify, accessToken, next))[0], []);
  });
});

Deno.test("YouTube: page after page from the newest, then what was liked since", async () => {
  await against(async ({ server, youtube }) => {
    const { accessToken } = await youtube.connect({
      code: "good",
      redirectUri: "https://a.example",
    });
    const [first, mark] = await all(youtube, accessToken, {});
    // Every tenth is gone.
    assert.equal(first.length, 108);
    assert.deepEqual([first[0]!.artist, first[0]!.track_name], ["Artist 3", "Song 118"]);
    server.world.likes += 2;
    server.asked = [];
    const [second, next] = await all(youtube, accessToken, mark);
    // The last that was known comes again, in case another was liked in the same second.
    assert.deepEqual(second.map((play) => play.track_id), ["video121", "video120"]);
    assert.equal(server.asked.length, 1);
    assert.notDeepEqual(next, mark);
  });
});

Deno.test("YouTube: a page token that has expired begins again", async () => {
  await against(async ({ server, youtube }) => {
    const { accessToken } = await youtube.connect({
      code: "good",
      redirectUri: "https://a.example",
    });
    const page = await youtube.history(accessToken, {});
    server.fail = [{ path: "pageToken", status: 400, times: 1 }];
    const [plays] = await all(youtube, accessToken, page.cursor);
    assert.equal(plays.length, 108);
  });
});

Deno.test("Apple: what stands before the tracks that were first", async () => {
  await against(async ({ server, apple }) => {
    server.world.apple = Array.from({ length: 45 }, (_, place) => `t${place}`);
    const [first, mark] = await all(apple, "user-token", {});
    assert.equal(first.length, 45);
    assert.deepEqual(first[0]!.genres, ["Pop"]);
    assert.equal(first[0]!.played_at, new Date(NOW - 200_000).toISOString());
    server.world.apple = ["n1", "t3", "t0", "t1", "t2", ...server.world.apple.slice(4)];
    const [second] = await all(apple, "user-token", mark);
    assert.deepEqual(second.map((play) => play.track_id), ["n1", "t3"]);
    // An empty list is not a new beginning.
    server.world.apple = [];
    assert.deepEqual((await apple.history("user-token", mark)).cursor, mark);
  });
});

Deno.test("Apple: which tracks are new", () => {
  const known = ["a", "b", "c", "d"];
  for (
    const [current, expected] of [
      [["a", "b", "c", "d"], 0],
      [["x", "a", "b", "c"], 1],
      [["a", "a", "b", "c"], 1],
      [["c", "a", "b", "d"], 1],
      [["d", "x", "a", "b", "c"], 2],
      [["b", "a", "c", "d"], 1],
      [["x", "y", "z"], 3],
      [["a"], 0],
      [[], 0],
    ] as const
  ) {
    assert.equal(countNew(current, known), expected, `${current}`);
  }
  assert.equal(countNew(["x", "y"], []), 2);
});

Deno.test("Apple: times run backwards and stay after the last sync", () => {
  assert.deepEqual(estimatedTimes([200, 300], 10_000, undefined), [9800, 9500]);
  assert.deepEqual(estimatedTimes([200, 300], 10_000, 9750), [9900, 9750]);
  assert.deepEqual(estimatedTimes([], 10_000, 9750), []);
});

Deno.test("a consent that is gone is told from an app that is not known, and from silence", async () => {
  await against(async ({ server, spotify, apple }) => {
    const good = { code: "good", redirectUri: "https://a.example" };
    const refused = (code: string) => (error: unknown) =>
      error instanceof SourceError && error.code === code;
    await assert.rejects(spotify.connect({ ...good, code: "bad" }), ConsentGone);
    await assert.rejects(spotify.refresh("refresh-7"), ConsentGone);
    await assert.rejects(apple.refresh(), ConsentGone);
    for (
      const [status, body, code] of [
        [400, '{"error": "invalid_client"}', "source_refused"],
        [400, "no JSON", "source_refused"],
        [401, "null", "source_refused"],
        [429, "", "source_throttled"],
        [500, "", "source_unavailable"],
        [200, "{}", "source_malformed"],
        [200, "[]", "source_malformed"],
        [200, "", "source_malformed"],
      ] as const
    ) {
      server.fail = [{ path: "/token", status, body }];
      await assert.rejects(spotify.connect(good), refused(code), `${status} ${body}`);
    }
  });
});

Deno.test("answers of the wrong form are malformed, whatever they are", async () => {
  await against(async ({ server, spotify, apple, youtube }) => {
    for (
      const body of [
        "null",
        "[]",
        "7",
        "{}",
        '{"items": 1, "data": 1}',
        '{"items": [1], "data": [1]}',
        "{",
      ]
    ) {
      server.fail = ["/v1/", "/youtube/"].map((path) => ({ path, body }));
      for (const platform of [spotify, apple, youtube]) {
        await assert.rejects(
          platform.history("user-token", {}),
          (error) => error instanceof SourceError && error.code === "source_malformed",
          `${platform.name}: ${body}`,
        );
      }
    }
    // Entries without what a play needs are left to the database, or left out.
    server.fail = [{
      path: "/v1/",
      body: '{"items": [{}, {"track": 7, "played_at": "yesterday"}]}',
    }];
    assert.deepEqual((await spotify.history("t", {})).plays, []);
  });
});

Deno.test("artist and song of a video", () => {
  for (
    const [title, channel, artist, name] of [
      ["Song", "Somebody - Topic", "Somebody", "Song"],
      ["A Band - A Song (Official Video)", "LabelVEVO", "A Band", "A Song"],
      ["A Band – A Song [Lyrics]", "Label", "A Band", "A Song"],
      ["A Song (Live)", "ABandVEVO", "ABand", "A Song (Live)"],
    ] as const
  ) {
    assert.deepEqual(songOf(title, channel), { artist, track_name: name });
  }
});
