// The three sources: pages to their ends, and answers that lack what they promise.
import assert from "node:assert/strict";
import {
  LIMITS,
  SourceClient,
  SourceError,
} from "../../supabase/functions/_shared/sources/http.ts";
import { SetlistFm } from "../../supabase/functions/_shared/sources/setlistfm.ts";
import { sameName, text } from "../../supabase/functions/_shared/sources/shape.ts";
import { Spotify } from "../../supabase/functions/_shared/sources/spotify.ts";
import { Ticketmaster } from "../../supabase/functions/_shared/sources/ticketmaster.ts";
import type { Batch } from "../../supabase/functions/_shared/sources/types.ts";
import { IDS, Sources } from "./sources.ts";

interface Clients {
  server: Sources;
  spotify: Spotify;
  ticketmaster: Ticketmaster;
  setlistfm: SetlistFm;
}

async function against(test: (clients: Clients) => Promise<void>): Promise<void> {
  const server = new Sources();
  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => server.answer(request),
  );
  const base = `http://127.0.0.1:${http.addr.port}`;
  const client = (name: string) =>
    new SourceClient(name, base, { ...LIMITS, interval: 0, attempts: 2 });
  try {
    const keys = { clientId: "id", clientSecret: "word" };
    await test({
      server,
      spotify: new Spotify(client("Spotify"), client("Spotify"), keys, 5000),
      ticketmaster: new Ticketmaster(client("Ticketmaster"), "key"),
      setlistfm: new SetlistFm(client("setlist.fm"), "key", 3),
    });
  } finally {
    await http.shutdown();
  }
}

async function all<T>(batches: AsyncIterable<Batch<T>>): Promise<T[]> {
  const rows: T[] = [];
  let done = 0;
  for await (const batch of batches) {
    assert(batch.done >= done && batch.done <= 1);
    done = batch.done;
    rows.push(...batch.rows);
  }
  return rows;
}

Deno.test("Spotify: an exact name, the better known of namesakes, then every song", async () => {
  await against(async ({ server, spotify }) => {
    server.world.songs = 1234;
    const found = await spotify.identify({ name: server.world.name.toUpperCase() });
    assert.deepEqual(found, { name: server.world.name, spotify_id: IDS.spotify });
    assert.equal(await spotify.identify({ name: "Somebody Else" }), undefined);
    const songs = await all(spotify.songs(found!));
    assert.equal(songs.length, 1234);
    assert.equal(new Set(songs.map((song) => song.spotify_id)).size, 1234);
    // One token for all of it.
    assert.equal(server.requests.filter((one) => one.path === "/api/token").length, 1);
  });
});

Deno.test("Spotify: a token that ends early is replaced once", async () => {
  await against(async ({ server, spotify }) => {
    await spotify.identify({ spotify_id: IDS.spotify });
    server.fail = [{ path: "/v1/artists", status: 401, times: 1 }];
    assert((await spotify.artist({ spotify_id: IDS.spotify }))?.name);
    assert.equal(server.requests.filter((one) => one.path === "/api/token").length, 2);
  });
});

Deno.test("Spotify: no more songs than an import takes", async () => {
  await against(async ({ server, spotify }) => {
    server.world.songs = 500;
    const few = new Spotify(spotify.client, spotify.accounts, spotify.keys, 77);
    assert.equal((await all(few.songs({ spotify_id: IDS.spotify }))).length, 77);
  });
});

Deno.test("Ticketmaster: pages to their end, at most a thousand events", async () => {
  await against(async ({ server, ticketmaster }) => {
    const found = await ticketmaster.identify({ name: server.world.name, spotify_id: IDS.spotify });
    assert.deepEqual(found, {
      name: server.world.name,
      ticketmaster_id: IDS.ticketmaster,
      spotify_id: IDS.spotify,
      musicbrainz_id: IDS.musicbrainz,
    });
    for (const [events, expected] of [[0, 0], [200, 200], [301, 301], [1500, 1000]]) {
      server.world.events = events!;
      assert.equal((await all(ticketmaster.events(found!))).length, expected);
    }
  });
});

Deno.test("Ticketmaster: a namesake with another Spotify page is somebody else", async () => {
  await against(async ({ server, ticketmaster }) => {
    const ids = { name: server.world.name, spotify_id: "another" };
    assert.equal(await ticketmaster.identify(ids), undefined);
  });
});

Deno.test("setlist.fm: as many pages as an import takes, tapes left out, covers named", async () => {
  await against(async ({ server, setlistfm }) => {
    const found = await setlistfm.identify({ name: server.world.name });
    assert.deepEqual(found, { musicbrainz_id: IDS.musicbrainz });
    const setlists = await all(setlistfm.setlists(found!));
    assert.equal(setlists.length, 24);
    assert.equal(setlists[0]!.event_date, "2020-01-01");
    const titles = setlists[0]!.songs.map((song) => song.title);
    assert(!titles.includes("Overture"));
    assert.deepEqual(setlists[0]!.songs.find((song) => song.cover_of), {
      title: "Hallelujah",
      cover_of: "Leonard Cohen",
    });
    server.world.setlists = 500;
    assert.equal((await all(setlistfm.setlists(found!))).length, 59);
  });
});

Deno.test("answers of the wrong form are malformed, whatever they are", async () => {
  await against(async ({ server, spotify, ticketmaster, setlistfm }) => {
    const bodies = ["null", "[]", "7", '"x"', "{}", '{"artists": 1}', '{"_embedded": []}', "{", ""];
    for (const body of bodies) {
      for (
        const ask of [
          () => all(spotify.songs({ spotify_id: IDS.spotify })),
          () => spotify.identify({ name: "x" }),
          () => all(ticketmaster.events({ ticketmaster_id: IDS.ticketmaster })),
          () => ticketmaster.identify({ name: "x" }),
          () => all(setlistfm.setlists({ musicbrainz_id: IDS.musicbrainz })),
          () => setlistfm.identify({ name: "x" }),
        ]
      ) {
        server.fail = ["/v1/", "/discovery/", "/rest/"].map((path) => ({ path, body }));
        await assert.rejects(
          ask,
          (error) => error instanceof SourceError && error.code === "source_malformed",
          `${body}: ${ask}`,
        );
      }
    }
  });
});

Deno.test("names are compared without case, accents and punctuation", () => {
  assert(sameName("Sigur Rós", "SIGUR ROS"));
  assert(sameName("AC/DC", "ac dc"));
  assert(!sameName("Low", "Lows"));
  assert(sameName("!!!", "!!!"));
  assert(!sameName("!!!", "???"));
});

Deno.test("texts lose what a database refuses", () => {
  assert.equal(text(" a\0b "), "ab");
  assert.equal(text("\ud800x"), "\ufffdx");
  for (const nothing of ["", "  ", "\0", 7, null, undefined, {}]) {
    assert.equal(text(nothing), undefined);
  }
});
