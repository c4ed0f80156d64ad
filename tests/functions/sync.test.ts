// Syncing with a database in memory: renewed tokens, consents that are gone, and workers that meet.
import assert from "node:assert/strict";
import type { Database } from "../../supabase/functions/_shared/database.ts";
import { ApiError } from "../../supabase/functions/_shared/errors.ts";
import { Keyring } from "../../supabase/functions/_shared/keyring.ts";
import { TokenEndpoint } from "../../supabase/functions/_shared/platforms/oauth.ts";
import { SpotifyHistory } from "../../supabase/functions/_shared/platforms/spotify.ts";
import { storeGrant } from "../../supabase/functions/_shared/account.ts";
import { LIMITS, SourceClient } from "../../supabase/functions/_shared/sources/http.ts";
import { Syncer } from "../../supabase/functions/sync-history/sync.ts";
import { Platforms } from "./platforms.ts";

const ADA = { userId: "ada", platform: "spotify" };
const KEY = JSON.stringify({ k1: btoa("k".repeat(32)) });

/** As much of the database as a sync needs. */
class Memory implements Database {
  tokens = new Map<string, Record<string, unknown> & { version: number; status: string }>();
  cursors = new Map<string, string>();
  plays = new Set<string>();
  /** Happens before a call of that name, once. */
  before = new Map<string, () => unknown>();

  async rpc<T>(name: string, args: Record<string, unknown>): Promise<T> {
    const meanwhile = this.before.get(name);
    this.before.delete(name);
    await meanwhile?.();
    const key = String(args.p_user_id);
    const conflict = () => new ApiError(409, "conflict", "somebody was faster");
    const stored = this.tokens.get(key);
    switch (name) {
      case "get_oauth_tokens":
        return [structuredClone(stored)] as T;
      case "store_oauth_tokens": {
        const expected = args.p_expected_version;
        if (expected !== null && expected !== stored?.version) throw conflict();
        this.tokens.set(key, {
          status: "active",
          access_token: args.p_access_token,
          refresh_token: args.p_refresh_token,
          key_id: args.p_key_id,
          expires_at: args.p_expires_at,
          version: (stored?.version ?? 0) + 1,
        });
        return [{ connection_id: key, version: this.tokens.get(key)!.version }] as T;
      }
      case "set_oauth_status":
        stored!.status = String(args.p_status);
        return null as T;
      case "get_history_cursor":
        return (this.cursors.has(key) ? [{ history_cursor: this.cursors.get(key) }] : []) as T;
      case "import_history": {
        if (args.p_expected_cursor !== (this.cursors.get(key) ?? "")) throw conflict();
        this.cursors.set(key, String(args.p_cursor));
        const plays = (args.p_plays as { played_at: string }[]).map((play) => key + play.played_at);
        const fresh = plays.filter((play) => !this.plays.has(play));
        fresh.forEach((play) => this.plays.add(play));
        const duplicates = plays.length - fresh.length;
        return [{ imported: fresh.length, duplicates, refused: 0 }] as T;
      }
    }
    throw new Error(`no ${name}`);
  }
}

interface Setting {
  server: Platforms;
  memory: Memory;
  syncer: Syncer;
  spotify: SpotifyHistory;
  keyring: Keyring;
}

async function against(test: (setting: Setting) => Promise<void>): Promise<void> {
  const server = new Platforms();
  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => server.answer(request),
  );
  const base = `http://127.0.0.1:${http.addr.port}`;
  const limits = { ...LIMITS, interval: 0, attempts: 2, patience: 1000 };
  const app = { clientId: "id", clientSecret: "word" };
  const spotify = new SpotifyHistory(
    new SourceClient("Spotify", base, limits),
    new TokenEndpoint("Spotify", `${base}/token`, app, 1000),
  );
  try {
    const memory = new Memory();
    const keyring = await Keyring.of(KEY, undefined);
    const grant = await spotify.connect({ code: "good", redirectUri: "https://app.example" });
    await storeGrant(memory, keyring, ADA, grant);
    const syncer = new Syncer(memory, keyring, new Map([["spotify", spotify]]), 20);
    await test({ server, memory, syncer, spotify, keyring });
  } finally {
    await http.shutdown();
  }
}

const tokensAsked = (server: Platforms) =>
  server.asked.filter((one) => one.path.startsWith("/token")).length;

Deno.test("a history is imported once, and goes on where it stood", async () => {
  await against(async ({ server, syncer, memory }) => {
    const first = await syncer.sync(ADA);
    assert.deepEqual([first.imported, first.done, first.error], [50, true, null]);
    server.world.plays += 5;
    assert.equal((await syncer.sync(ADA)).imported, 5);
    assert.equal((await syncer.sync(ADA)).imported, 0);
    assert.equal(memory.plays.size, 55);
  });
});

Deno.test("a token that is refused is renewed once; the old refresh token stays", async () => {
  await against(async ({ server, syncer, memory }) => {
    // Some other app's sign-in made ours void.
    server.world.voided = server.world.grants;
    assert.equal((await syncer.sync(ADA)).imported, 50);
    assert.equal(tokensAsked(server), 2);
    assert.equal(memory.tokens.get("ada")!.version, 2);
    server.world.voided = server.world.grants;
    assert.equal((await syncer.sync(ADA)).error, null);
  });
});

Deno.test("a token that is about to end is renewed before it is used", async () => {
  await against(async ({ server, syncer, memory }) => {
    memory.tokens.get("ada")!.expires_at = new Date(Date.now() + 1000).toISOString();
    assert.equal((await syncer.sync(ADA)).imported, 50);
    assert.equal(tokensAsked(server), 2);
    assert.equal(server.asked.filter((one) => one.path.includes("recently")).length, 2);
  });
});

Deno.test("where consent is gone, the connection is expired, and nothing is asked any more", async () => {
  await against(async ({ server, syncer, memory }) => {
    server.world.consent = false;
    server.world.voided = server.world.grants;
    assert.equal((await syncer.sync(ADA)).error, "connection_expired");
    assert.equal(memory.tokens.get("ada")!.status, "expired");
    server.asked = [];
    assert.equal((await syncer.sync(ADA)).error, "connection_expired");
    assert.deepEqual(server.asked, []);
  });
});

Deno.test("a new token that is refused too ends the matter", async () => {
  await against(async ({ server, syncer, memory }) => {
    server.fail = [{ path: "/v1/me", status: 401 }];
    assert.equal((await syncer.sync(ADA)).error, "connection_expired");
    assert.equal(memory.tokens.get("ada")!.status, "expired");
    assert.equal(tokensAsked(server), 2);
  });
});

Deno.test("trouble at the platform is no loss of consent", async () => {
  await against(async ({ server, syncer, memory }) => {
    server.world.voided = server.world.grants;
    for (
      const [failure, code] of [
        [{ path: "/token", status: 500 }, "source_unavailable"],
        [{ path: "/token", status: 400, body: '{"error": "invalid_client"}' }, "source_refused"],
        [{ path: "/token", status: 200, body: "{}" }, "source_malformed"],
        [{ path: "/v1/me", status: 403 }, "source_refused"],
        [{ path: "/v1/me", status: 503 }, "source_unavailable"],
        [{ path: "/v1/me", status: 200, body: "" }, "source_malformed"],
      ] as const
    ) {
      server.fail = [failure];
      assert.equal((await syncer.sync(ADA)).error, code, JSON.stringify(failure));
      assert.equal(memory.tokens.get("ada")!.status, "active");
    }
  });
});

Deno.test("a short 429 is waited for, a long one ends it for all members of the platform", async () => {
  await against(async ({ server, syncer }) => {
    server.fail = [{ path: "/v1/me", status: 429, times: 1 }];
    assert.equal((await syncer.sync(ADA)).imported, 50);
    server.fail = [{ path: "/v1/me", status: 429, headers: { "retry-after": "600" } }];
    const outcome = await syncer.sync(ADA);
    assert.equal(outcome.error, "source_throttled");
    assert.match(outcome.message!, /600 s/);
    server.asked = [];
    assert.equal((await syncer.sync({ ...ADA, userId: "bob" })).error, "source_throttled");
    assert.deepEqual(server.asked, []);
  });
});

Deno.test("of two workers that renew, the slower takes what the faster stored", async () => {
  await against(async ({ server, syncer, memory, spotify, keyring }) => {
    server.world.replaces = true;
    server.world.grants = 1;
    const faster = async () => {
      const grant = await spotify.refresh("refresh-1");
      await storeGrant(memory, keyring, ADA, grant);
    };
    // The faster one is done before the slower asks: its refresh token is void by then.
    server.fail = [{ path: "/v1/me", status: 401, times: 1 }];
    memory.before.set("get_history_cursor", faster);
    assert.deepEqual([(await syncer.sync(ADA)).error, tokensAsked(server)], [null, 3]);
    // Both have asked; the slower finds that another version is stored.
    server.world.replaces = false;
    server.fail = [{ path: "/v1/me", status: 401, times: 1 }];
    server.world.grants = 1;
    await storeGrant(memory, keyring, ADA, {
      accessToken: "access-1",
      refreshToken: "refresh-1",
      expiresIn: 3600,
      scopes: null,
    });
    memory.before.set("store_oauth_tokens", () =>
      storeGrant(memory, keyring, ADA, {
        accessToken: "access-2",
        refreshToken: "refresh-1",
        expiresIn: 3600,
        scopes: null,
      }));
    assert.equal((await syncer.sync(ADA)).error, null);
  });
});

Deno.test("of two syncs that meet, one goes on", async () => {
  await against(async ({ server, syncer, memory }) => {
    const outcomes = await Promise.all([syncer.sync(ADA), syncer.sync(ADA)]);
    assert.equal(memory.plays.size, 50);
    assert.equal(outcomes.reduce((sum, one) => sum + one.imported, 0), 50);
    assert(outcomes.every((one) => one.error === null || one.error === "conflict"));
    server.world.plays++;
    assert.equal((await syncer.sync(ADA)).imported, 1);
  });
});

Deno.test("tokens that do not open: the key may come back, a broken ciphertext will not", async () => {
  await against(async ({ server, memory, spotify }) => {
    const platforms = new Map([["spotify", spotify]]);
    const other = await Keyring.of(JSON.stringify({ k2: btoa("x".repeat(32)) }), undefined);
    const stored = structuredClone(memory.tokens.get("ada")!);
    const missing = await new Syncer(memory, other, platforms, 20).sync(ADA);
    assert.equal(missing.error, "key_missing");
    assert.deepEqual(memory.tokens.get("ada"), stored);
    const wrong = await Keyring.of(JSON.stringify({ k1: btoa("x".repeat(32)) }), undefined);
    const broken = await new Syncer(memory, wrong, platforms, 20).sync(ADA);
    assert.equal(broken.error, "token_unreadable");
    assert.deepEqual(memory.tokens.get("ada"), { ...stored, status: "expired" });
    assert.equal(server.asked.length, 1);
  });
});

Deno.test("a platform without keys is said to be", async () => {
  await against(async ({ syncer }) => {
    assert.equal((await syncer.sync({ ...ADA, platform: "youtube" })).error, "not_configured");
  });
});
