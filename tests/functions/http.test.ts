// Asking a source: what is tried again, what is not, and what it costs at most.
import assert from "node:assert/strict";
import {
  backoff,
  LIMITS,
  retryAfter,
  SourceClient,
  SourceError,
} from "../../supabase/functions/_shared/sources/http.ts";

type Answer = (request: Request) => Response | Promise<Response>;

/** A server that gives these answers in turn, the last one for ever, and a client of it. */
async function asking(
  answers: Answer[],
  ask: (client: SourceClient, asked: number[]) => Promise<void>,
  limits: Partial<typeof LIMITS> = {},
): Promise<void> {
  const asked: number[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    asked.push(Date.now());
    return (answers[asked.length - 1] ?? answers.at(-1)!)(request);
  });
  const base = `http://127.0.0.1:${server.addr.port}`;
  try {
    await ask(new SourceClient("Test", base, { ...LIMITS, interval: 0, ...limits }), asked);
  } finally {
    await server.shutdown();
  }
}

const json = (value: unknown) => () => Response.json(value);
const status = (code: number, headers: HeadersInit = {}) => () =>
  new Response("no", { status: code, headers });
const itself = (value: unknown) => value;

async function failure(work: Promise<unknown>): Promise<SourceError> {
  try {
    await work;
  } catch (error) {
    assert(error instanceof SourceError, String(error));
    return error;
  }
  throw new Error("it did not fail");
}

Deno.test("an answer is parsed; 404 is nothing", async () => {
  await asking([json({ a: 1 }), status(404)], async (client) => {
    assert.deepEqual(await client.get("/x", itself), { a: 1 });
    assert.equal(await client.get("/x", itself), undefined);
  });
});

Deno.test("what may pass is tried again, as often as allowed", async () => {
  await asking([status(500), status(503), json(1)], async (client, asked) => {
    assert.equal(await client.get("/x", itself), 1);
    assert.equal(asked.length, 3);
  });
  await asking([status(502)], async (client, asked) => {
    assert.equal((await failure(client.get("/x", itself))).code, "source_unavailable");
    assert.equal(asked.length, 2);
  }, { attempts: 2 });
});

Deno.test("what will not pass is not tried again", async () => {
  for (
    const [code, problem] of [[401, "source_refused"], [403, "source_refused"], [
      400,
      "source_malformed",
    ]] as const
  ) {
    await asking([status(code)], async (client, asked) => {
      assert.equal((await failure(client.get("/x", itself))).code, problem);
      assert.equal(asked.length, 1);
    });
  }
});

Deno.test("Retry-After is waited for", async () => {
  await asking([status(429, { "retry-after": "1" }), json(1)], async (client, asked) => {
    assert.equal(await client.get("/x", itself), 1);
    assert(asked[1]! - asked[0]! >= 990);
  });
});

Deno.test("a Retry-After beyond patience fails at once and says when to come back", async () => {
  await asking([status(429, { "retry-after": "3600" })], async (client, asked) => {
    const error = await failure(client.get("/x?apikey=hidden", itself));
    assert.deepEqual([error.code, error.retryAfterMs], ["source_throttled", 3_600_000]);
    assert.equal(error.message, "Test: asks to wait 3600 s");
    assert.equal(asked.length, 1);
  });
});

Deno.test("messages do not show the query, which may hold a key", async () => {
  await asking([() => new Response("<html>")], async (client) => {
    const error = await failure(client.get("/x?apikey=hidden", itself));
    assert.equal(error.code, "source_malformed");
    assert(!error.message.includes("hidden"), error.message);
  });
});

Deno.test("a huge answer is cut off", async () => {
  const endless = () =>
    new Response(
      new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(65_536).fill(32)) }),
    );
  await asking([endless], async (client) => {
    assert.equal((await failure(client.get("/x", itself))).code, "source_too_large");
  }, { maxBytes: 1_000_000 });
});

Deno.test("a source that says nothing is given up", async () => {
  const silent = () => new Promise<Response>((done) => setTimeout(() => done(new Response()), 500));
  await asking([silent], async (client, asked) => {
    const error = await failure(client.get("/x", itself));
    assert.equal(error.code, "source_unavailable");
    assert.equal(asked.length, 1);
  }, { timeout: 100, attempts: 1 });
});

Deno.test("requests keep their distance, also when several ask at once", async () => {
  await asking([json(1)], async (client, asked) => {
    await Promise.all([1, 2, 3].map(() => client.get("/x", itself)));
    assert(asked[1]! - asked[0]! >= 95 && asked[2]! - asked[1]! >= 95, String(asked));
  }, { interval: 100 });
});

Deno.test("an abort ends waiting and asking", async () => {
  await asking([status(503)], async ({ base }) => {
    const stop = new AbortController();
    const client = new SourceClient("Test", base, LIMITS, stop.signal);
    setTimeout(() => stop.abort(new Error("left")), 50);
    await assert.rejects(client.get("/x", itself), /left/);
  });
});

Deno.test("backoff grows, differs, and ends at ten seconds", () => {
  for (const [attempt, least, most] of [[1, 250, 500], [3, 1000, 2000], [20, 5000, 10_000]]) {
    const waits = Array.from({ length: 50 }, () => backoff(attempt!));
    assert(waits.every((wait) => wait >= least! && wait <= most!), String(waits));
    assert(new Set(waits).size > 1);
  }
});

Deno.test("Retry-After has seconds or a date", () => {
  const now = Date.parse("2026-01-02T03:04:05Z");
  assert.equal(retryAfter("7", now), 7000);
  assert.equal(retryAfter("Fri, 02 Jan 2026 03:04:35 GMT", now), 30_000);
  assert.equal(retryAfter("Fri, 02 Jan 2026 03:00:00 GMT", now), 0);
  assert.equal(retryAfter("soon", now), undefined);
  assert.equal(retryAfter(null, now), undefined);
});
