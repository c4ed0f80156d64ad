// What makes tracks: signatures of webhooks, Replicate's answers, and where audio is kept.
import assert from "node:assert/strict";
import { ApiError } from "../../supabase/functions/_shared/errors.ts";
import { configuredProvider } from "../../supabase/functions/_shared/providers/configured.ts";
import { Replicate } from "../../supabase/functions/_shared/providers/replicate.ts";
import type { Job } from "../../supabase/functions/_shared/providers/types.ts";
import { signature, verified } from "../../supabase/functions/_shared/signature.ts";
import {
  LIMITS,
  SourceClient,
  SourceError,
} from "../../supabase/functions/_shared/sources/http.ts";
import { Malformed } from "../../supabase/functions/_shared/sources/shape.ts";
import { storeOf } from "../../supabase/functions/_shared/store.ts";
import { Platforms } from "./platforms.ts";

const SECRET = `whsec_${btoa("a secret")}`;
const NOW = Date.parse("2026-02-01T12:00:00Z");
const BODY = '{"id": "job1"}';

async function headers(
  { id = "msg1", at = NOW / 1000, secret = SECRET, body = BODY } = {},
): Promise<Headers> {
  const signed = await signature(secret, `${id}.${at}.${body}`);
  return new Headers({
    "webhook-id": id,
    "webhook-timestamp": String(at),
    "webhook-signature": `v1,${signed}`,
  });
}

const isRefused = (error: unknown) => error instanceof ApiError && error.status === 401;

Deno.test("a signature is that of the specification", async () => {
  // The example of Standard Webhooks.
  const signed = await signature(
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}',
  );
  assert.equal(signed, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});

Deno.test("what the provider signed in the last minutes is accepted, also with a secret that goes", async () => {
  assert.equal(await verified(await headers(), BODY, [SECRET], NOW), "msg1");
  const next = `whsec_${btoa("the next")}`;
  assert.equal(await verified(await headers(), BODY, [next, SECRET], NOW), "msg1");
  const several = await headers();
  several.set("webhook-signature", `v1,AAAA v2,x ${several.get("webhook-signature")}`);
  assert.equal(await verified(several, BODY, [SECRET], NOW + 299_000), "msg1");
});

Deno.test("all else is refused", async () => {
  const good = await headers();
  const changed = (name: string, value: string) => {
    const some = new Headers(good);
    some.set(name, value);
    return some;
  };
  for (
    const [given, body, at] of [
      [good, BODY + " ", NOW],
      [good, BODY, NOW + 301_000],
      [good, BODY, NOW - 301_000],
      [changed("webhook-id", "msg2"), BODY, NOW],
      [changed("webhook-timestamp", String(NOW / 1000 + 1)), BODY, NOW],
      [changed("webhook-timestamp", "yesterday"), BODY, NOW],
      [changed("webhook-timestamp", "NaN"), BODY, NOW],
      [changed("webhook-signature", "v1,"), BODY, NOW],
      [changed("webhook-signature", ""), BODY, NOW],
      [changed("webhook-signature", good.get("webhook-signature")!.slice(3)), BODY, NOW],
      [await headers({ secret: btoa("another") }), BODY, NOW],
      [new Headers(), BODY, NOW],
    ] as const
  ) {
    await assert.rejects(verified(given, body, [SECRET], at), isRefused);
  }
  await assert.rejects(verified(good, BODY, [], NOW), isRefused);
});

const JOB: Job = {
  track_id: "7b0a53a6-34ad-4dcd-9dbc-c9bd2a1c4f0b",
  user_id: "ada",
  attempt: 1,
  mode: "extend",
  title: "Rain",
  parameters: { duration: 100_000, tempo: 90 },
  genres: ["ambient"],
  tags: ["slow"],
  source_url: "https://audio.example/1.mp3",
  source_external_id: null,
  preferences: null,
  provider: null,
  provider_job_id: null,
};

async function against(
  test: (server: Platforms, replicate: Replicate, base: string) => Promise<void>,
): Promise<void> {
  const server = new Platforms();
  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => server.answer(request),
  );
  const base = `http://127.0.0.1:${http.addr.port}`;
  const client = new SourceClient("Replicate", base, { ...LIMITS, interval: 0, attempts: 1 });
  const options = {
    token: "replicate-token",
    version: "a-model",
    maxSeconds: 300,
    webhookSecrets: [SECRET],
  };
  try {
    await test(server, new Replicate(client, options), base);
  } finally {
    await http.shutdown();
  }
}

Deno.test("Replicate: a job is begun with what the member asked, within limits", async () => {
  await against(async (server, replicate) => {
    const report = await replicate.start(JOB, "https://hook.example");
    assert.deepEqual(report, { jobId: "job1", state: { status: "progress", progress: null } });
    assert.deepEqual(JSON.parse(server.asked[0]!.body), {
      version: "a-model",
      input: {
        tempo: 90,
        duration: 300,
        prompt: "Rain, ambient, slow",
        input_audio: "https://audio.example/1.mp3",
        continuation: true,
      },
      webhook: "https://hook.example",
      webhook_events_filter: ["start", "logs", "completed"],
    });
    assert.deepEqual(await replicate.find("job1"), report);
    assert.equal(await replicate.find("job9"), undefined);
  });
});

Deno.test("Replicate: nothing is asked twice", async () => {
  await against(async (server, replicate) => {
    for (
      const [failure, code] of [
        [{ status: 500 }, "source_unavailable"],
        [{ status: 429, headers: { "retry-after": "7" } }, "source_throttled"],
        [{ status: 401 }, "source_refused"],
        [{ status: 422 }, "source_malformed"],
        [{ status: 201, body: "" }, "source_malformed"],
        [{ status: 201, body: "[]" }, "source_malformed"],
        [{ status: 201, body: '{"id": 7}' }, "source_malformed"],
        [{ status: 404 }, "source_refused"],
      ] as const
    ) {
      server.fail = [{ path: "/v1/predictions", ...failure }];
      server.asked = [];
      await assert.rejects(
        replicate.start(JOB, "https://hook.example"),
        (error) => error instanceof SourceError && error.code === code,
        JSON.stringify(failure),
      );
      assert.equal(server.asked.length, 1);
    }
  });
});

Deno.test("Replicate: what a prediction says", async () => {
  await against((_, replicate) => {
    const state = (prediction: unknown) =>
      replicate.read({ id: "j", ...prediction as object }).state;
    const url = "https://audio.example/2.mp3";
    assert.deepEqual(state({ status: "processing", logs: " 3%|\n 42%|..." }), {
      status: "progress",
      progress: 42,
    });
    const input = { duration: 12.4 };
    for (const output of [url, [url], { audio: url }]) {
      assert.deepEqual(state({ status: "succeeded", input, output }), {
        status: "completed",
        track: { url, duration: 12 },
      });
    }
    for (const output of [undefined, null, "", [], {}, 7, "javascript:alert(1)", ["x"]]) {
      const { status } = state({ status: "succeeded", output });
      assert.equal(status, "failed", JSON.stringify(output));
    }
    assert.deepEqual(state({ status: "failed", error: "no memory" }), {
      status: "failed",
      error: "no memory",
      retry: true,
    });
    const canceled = state({ status: "canceled" });
    assert(canceled.status === "failed" && !canceled.retry);
    for (const wrong of [null, [], 7, {}, { id: "" }, { id: "j" }, { id: "j", status: "odd" }]) {
      assert.throws(() => replicate.read(wrong), Malformed, JSON.stringify(wrong));
    }
    return Promise.resolve();
  });
});

Deno.test("a provider is there when its secrets are, and no other name is", () => {
  for (const name of ["napster", "toString", "__proto__", "", "replicate", "recorded"]) {
    assert.equal(configuredProvider(name), undefined, name);
  }
});

Deno.test("audio is copied under a name that a repeat overwrites", async () => {
  await against(async (server, _, base) => {
    const project = { url: base, publishableKey: "p", secretKey: "s", secretKeys: ["s"] };
    const keep = storeOf(project, "tracks");
    server.fail = [{ path: "/storage/v1/object/tracks/replicate/job1", body: "{}" }];
    const url = await keep(`${base}/audio.mp3`, "replicate/job1");
    assert.equal(url, `${base}/storage/v1/object/public/tracks/replicate/job1`);
    assert.equal(server.asked.at(-1)!.body.length, 500);
    for (
      const failure of [{ path: "/audio.mp3", status: 404 }, { path: "/audio.mp3", body: "" }, {
        path: "/storage/",
        status: 500,
      }]
    ) {
      server.fail = [failure];
      await assert.rejects(keep(`${base}/audio.mp3`, "replicate/job1"), SourceError);
    }
    await assert.rejects(keep("http://127.0.0.1:9/audio.mp3", "replicate/job1"), SourceError);
    assert.equal(await storeOf(project, undefined)("https://a.example", "x"), "https://a.example");
  });
});
