// The poller that serves all streams of an instance.
import assert from "node:assert/strict";
import type { Database } from "../../supabase/functions/_shared/database.ts";
import { handler } from "../../supabase/functions/import-progress/handler.ts";
import { Hub, type Update } from "../../supabase/functions/import-progress/hub.ts";

/** A database with jobs whose updates a test writes. */
class Jobs implements Database {
  readonly updates = new Map<string, Update[]>();
  calls = 0;
  broken = false;

  say(job: string, stage = "songs"): void {
    const all = this.updates.get(job) ?? [];
    all.push({
      job_id: job,
      update_no: all.length + 1,
      stage,
      progress: 0,
      message: null,
      error: null,
      estimated_time_remaining: null,
      updated_at: "",
      artist_id: null,
    });
    this.updates.set(job, all);
  }

  rpc<T>(_: string, args: Record<string, unknown>): Promise<T> {
    this.calls++;
    if (this.broken) return Promise.reject(new Error("the database is away"));
    const found: Update[] = [];
    const asked = args.p_after as Record<string, number | null>;
    for (const [job, known] of Object.entries(asked).sort()) {
      const all = this.updates.get(job) ?? [];
      found.push(...known === null ? all.slice(-1) : all.slice(known));
    }
    return Promise.resolve(found.slice(0, 1000) as T);
  }
}

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));
const open = (hub: Hub, job: string, headers: HeadersInit = {}) =>
  handler(hub, 60_000)(new Request(`http://x/?job_id=${job}`, { headers }));
const ids = (stream: string) =>
  [...stream.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));

Deno.test("many streams on many jobs: each update once, in order, with one poller", async () => {
  const jobs = new Jobs();
  const names = Array.from({ length: 50 }, (_, i) => `job${i}`);
  names.forEach((name) => jobs.say(name));
  const hub = new Hub(jobs, 10);
  const streams = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => open(hub, names[i % 50]!)),
  );
  const opened = jobs.calls;
  assert(opened < 20, `${opened} calls to open 1,000 streams`);
  const texts = streams.map((stream) => stream.text());
  for (let step = 0; step < 30; step++) {
    names.forEach((name) => jobs.say(name));
    if (step % 3 === 0) await sleep(15);
  }
  names.forEach((name) => jobs.say(name, "done"));
  const expected = Array.from({ length: 32 }, (_, i) => i + 1);
  for (const text of texts) assert.deepEqual(ids(await text), expected);
  assert.equal(hub.size, 0);
});

Deno.test("more updates than one answer holds arrive all the same", async () => {
  const jobs = new Jobs();
  for (let i = 0; i < 2500; i++) jobs.say("long");
  jobs.say("long", "failed");
  const answer = await open(new Hub(jobs, 5), "long", { "last-event-id": "1" });
  // Who reads too slowly is let go, and comes back with the last id.
  const got = ids(await answer.text());
  assert.deepEqual(got, Array.from({ length: got.length }, (_, i) => i + 2));
  assert(got.length >= 500);
});

Deno.test("a database that is away for a while loses nothing", async () => {
  const jobs = new Jobs();
  jobs.say("job");
  const hub = new Hub(jobs, 5);
  const text = (await open(hub, "job")).text();
  const log = console.error;
  console.error = () => {};
  jobs.broken = true;
  jobs.say("job");
  await sleep(30);
  jobs.broken = false;
  console.error = log;
  jobs.say("job", "done");
  assert.deepEqual(ids(await text), [1, 2, 3]);
});

Deno.test("a client that leaves is forgotten, and without clients nobody polls", async () => {
  const jobs = new Jobs();
  jobs.say("job");
  const hub = new Hub(jobs, 5);
  const answer = await open(hub, "job");
  const reader = answer.body!.getReader();
  await reader.read();
  assert.equal(hub.size, 1);
  await reader.cancel();
  assert.equal(hub.size, 0);
  await sleep(30);
  const { calls } = jobs;
  await sleep(50);
  assert.equal(jobs.calls, calls);
  // And the next client finds a poller again.
  jobs.say("job", "done");
  assert.deepEqual(ids(await (await open(hub, "job")).text()), [2]);
});

Deno.test("a client that does not read is let go", async () => {
  const jobs = new Jobs();
  jobs.say("job");
  const hub = new Hub(jobs, 1);
  const answer = await open(hub, "job");
  for (let i = 0; i < 600; i++) jobs.say("job");
  await sleep(50);
  assert.equal(hub.size, 0);
  assert(ids(await answer.text()).length >= 500);
});
