// Bodies that do not end: no more of them is read than may be, whoever sends them.
import assert from "node:assert/strict";
import { bounded } from "../../supabase/functions/_shared/bounded.ts";
import type { Database } from "../../supabase/functions/_shared/database.ts";
import { jsonBody } from "../../supabase/functions/_shared/endpoint.ts";
import { ApiError } from "../../supabase/functions/_shared/errors.ts";
import type { Provider } from "../../supabase/functions/_shared/providers/types.ts";
import { webhook } from "../../supabase/functions/generate-track/webhook.ts";

const PART = 64_000;

/** A body without an end: how much of it was taken, and whether somebody is still reading. */
function endless() {
  const seen = { bytes: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      // A reader without a limit fails here, and not by using up the machine.
      if (seen.bytes > 10_000_000) return controller.error(new Error("it reads and reads"));
      seen.bytes += PART;
      controller.enqueue(new Uint8Array(PART));
    },
    cancel() {
      seen.cancelled = true;
    },
  });
  return { seen, body };
}

const post = (body: BodyInit) => new Request("https://project.example/", { method: "POST", body });

function tooLarge(error: unknown): boolean {
  return error instanceof ApiError && error.status === 413 && error.code === "too_large";
}

Deno.test("a body is read to its end, or to the limit", async () => {
  const text = "größer";
  assert.equal(await (await bounded(post(text).body, 8))?.text(), text);
  assert.equal(await bounded(post(text).body, 7), undefined);
  assert.equal((await bounded(null, 0))?.size, 0);
});

Deno.test("a call with an endless body is refused at the limit", async () => {
  const { seen, body } = endless();
  await assert.rejects(jsonBody(post(body), 100_000), tooLarge);
  assert(seen.bytes <= 100_000 + 3 * PART, `${seen.bytes} bytes were taken`);
  assert(seen.cancelled);
});

Deno.test("an unsigned webhook with an endless body is refused at the limit", async () => {
  const { seen, body } = endless();
  const provider = { name: "replicate", webhookSecrets: ["c2VjcmV0"] } as unknown as Provider;
  const database: Database = { rpc: () => assert.fail("nothing is asked of the database") };
  const store = () => assert.fail("nothing is stored");
  await assert.rejects(webhook(post(body), provider, database, store), tooLarge);
  assert(seen.bytes <= 1_000_000 + 3 * PART, `${seen.bytes} bytes were taken`);
  assert(seen.cancelled);
});
