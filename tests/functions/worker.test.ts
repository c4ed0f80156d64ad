// The worker of generate-track with a database and a provider in memory: what it reports, and when
// it has nothing to report.
import assert from "node:assert/strict";
import type { Database } from "../../supabase/functions/_shared/database.ts";
import { ApiError } from "../../supabase/functions/_shared/errors.ts";
import type {
  Job,
  Provider,
  Report,
  State,
} from "../../supabase/functions/_shared/providers/types.ts";
import { SourceError } from "../../supabase/functions/_shared/sources/http.ts";
import { Worker } from "../../supabase/functions/generate-track/worker.ts";

const JOB: Job = {
  track_id: "rain",
  user_id: "ada",
  attempt: 2,
  mode: "new",
  title: "Rain",
  parameters: {},
  genres: [],
  tags: [],
  source_url: null,
  source_external_id: null,
  preferences: null,
  provider: null,
  provider_job_id: null,
};
const RUNNING: State = { status: "progress", progress: null };
const READY: State = {
  status: "completed",
  track: { url: "https://provider.example/1", duration: 30, title: "Rain" },
};

/** Works on a job; the calls of the database it came to, by name. */
async function worked(
  {
    job = JOB,
    start = RUNNING,
    find,
    refuses,
    store = (url: string) => Promise.resolve(url),
    wait = 0,
  }: {
    job?: Job;
    start?: State | Error;
    find?: State;
    refuses?: { name: string; status: number };
    store?: (url: string, name: string) => Promise<string>;
    wait?: number;
  },
): Promise<[string, Record<string, unknown>][]> {
  const calls: [string, Record<string, unknown>][] = [];
  const database: Database = {
    // deno-lint-ignore require-await -- answers as a database does
    async rpc<T>(name: string, args: Record<string, unknown>): Promise<T> {
      if (refuses?.name === name) throw new ApiError(refuses.status, "conflict", "it is over");
      calls.push([name, args]);
      return null as T;
    },
  };
  const provider: Provider = {
    name: "replicate",
    webhookSecrets: [],
    async start(): Promise<Report> {
      await new Promise((done) => setTimeout(done, wait));
      if (start instanceof Error) throw start;
      return { jobId: "new", state: start };
    },
    find: (jobId) => Promise.resolve(find && { jobId, state: find }),
    read: () => ({ jobId: "", state: RUNNING }),
  };
  await new Worker(database, provider, "https://hook.example", store, 0.06).work(job);
  return calls;
}

const names = (calls: [string, unknown][]) => calls.map(([name]) => name);
const AGAIN: Job = { ...JOB, provider: "replicate", provider_job_id: "old" };

Deno.test("a job that runs is noted under its lease", async () => {
  assert.deepEqual(await worked({}), [["start_provider_job", {
    p_track_id: "rain",
    p_attempt: 2,
    p_provider: "replicate",
    p_provider_job_id: "new",
    p_lease_seconds: 900,
  }]]);
});

Deno.test("audio that is there at once is kept, then reported", async () => {
  const calls = await worked({
    start: READY,
    store: (_, name) => Promise.resolve(`https://kept.example/${name}`),
  });
  assert.deepEqual(names(calls), ["start_provider_job", "complete_generation"]);
  assert.equal(calls[1]![1].p_url, "https://kept.example/replicate/new");
  assert.equal(calls[1]![1].p_title, "Rain");
});

Deno.test("a job of an earlier attempt is gone on with, unless it failed or is another provider's", async () => {
  const noted = async (job: Job, find?: State) =>
    (await worked({ job, ...(find && { find }) }))[0]![1].p_provider_job_id;
  assert.equal(await noted(AGAIN, RUNNING), "old");
  assert.equal(await noted(AGAIN, READY), "old");
  assert.equal(await noted(AGAIN, { status: "failed", error: "no", retry: true }), "new");
  assert.equal(await noted(AGAIN), "new");
  assert.equal(await noted({ ...AGAIN, provider: "another" }, RUNNING), "new");
});

Deno.test("while the provider takes its time there are signs of life", async () => {
  const calls = names(await worked({ wait: 90 }));
  assert(calls.filter((name) => name === "heartbeat_generation").length >= 2, `${calls}`);
  assert.equal(calls.at(-1), "start_provider_job");
});

Deno.test("what went wrong is reported once, in words without secrets", async () => {
  for (
    const [error, expected] of [
      [new SourceError("source_unavailable", "X", "500"), { retry: true, after: null }],
      [new SourceError("source_throttled", "X", "wait", 6500), { retry: true, after: 7 }],
      [new SourceError("source_throttled", "X", "wait", 1e12), { retry: true, after: 86_400 }],
      [new SourceError("source_malformed", "X", "422", undefined, 422), {
        retry: false,
        after: null,
      }],
      [new SourceError("source_refused", "X", "401", undefined, 401), { retry: true, after: null }],
    ] as const
  ) {
    const [[name, args], ...others] = await worked({ start: error }) as [
      [string, Record<string, unknown>],
    ];
    assert.deepEqual(others, []);
    assert.equal(name, "fail_generation");
    assert.equal(args.p_error, error.message);
    assert.deepEqual([args.p_retry, args.p_retry_after_seconds], [expected.retry, expected.after]);
  }
  const failed: State = { status: "failed", error: "no memory", retry: false };
  assert.deepEqual((await worked({ start: failed })).at(-1), ["fail_generation", {
    p_track_id: "rain",
    p_attempt: 2,
    p_error: "no memory",
    p_retry: false,
  }]);
});

Deno.test("where the lease is over there is nothing to report", async () => {
  for (const status of [404, 409]) {
    for (const name of ["start_provider_job", "heartbeat_generation"]) {
      const calls = await worked({ refuses: { name, status }, wait: 50 });
      assert(!names(calls).includes("fail_generation"));
    }
    const start = new SourceError("source_unavailable", "X", "500");
    assert.deepEqual(await worked({ start, refuses: { name: "fail_generation", status } }), []);
  }
  // Data that the database refuses are the attempt's failure.
  const refuses = { name: "complete_generation", status: 400 };
  assert.equal(names(await worked({ start: READY, refuses })).at(-1), "fail_generation");
});

Deno.test("audio that cannot be kept is tried again", async () => {
  const store = () => Promise.reject(new SourceError("source_unavailable", "Storage", "no answer"));
  const [name, args] = (await worked({ start: READY, store })).at(-1)!;
  assert.deepEqual([name, args.p_retry], ["fail_generation", true]);
});
