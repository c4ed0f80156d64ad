// Who calls, and what a function tells of its errors.
import assert from "node:assert/strict";
import { callerOf } from "../../supabase/functions/_shared/caller.ts";
import { endpoint, jsonBody } from "../../supabase/functions/_shared/endpoint.ts";
import { project } from "../../supabase/functions/_shared/environment.ts";
import { ApiError, invalidArgument } from "../../supabase/functions/_shared/errors.ts";

const KEYS = {
  url: "http://127.0.0.1:1",
  publishableKey: "sb_publishable_x",
  secretKey: "sb_secret_a",
  secretKeys: ["sb_secret_a", "sb_secret_b"],
};

const request = (headers: HeadersInit) => new Request("http://x", { headers });

Deno.test("any secret key is the service, in either header", async () => {
  for (const secret of KEYS.secretKeys) {
    assert.deepEqual(await callerOf(request({ apikey: secret }), KEYS), { service: true });
    const header = { authorization: `Bearer ${secret}` };
    assert.deepEqual(await callerOf(request(header), KEYS), { service: true });
  }
});

Deno.test("neither the publishable key nor a prefix nor nothing is anybody", async () => {
  for (const key of ["sb_publishable_x", "sb_secret_", "sb_secret_aa", ""]) {
    await assert.rejects(
      callerOf(request({ apikey: key, authorization: `Bearer ${key}` }), KEYS),
      (error) => error instanceof ApiError && error.status === 401,
    );
  }
});

Deno.test("keys come by name or in the way of older projects", () => {
  Deno.env.set("SUPABASE_URL", "http://x");
  Deno.env.set("SUPABASE_PUBLISHABLE_KEYS", '{"default": "p"}');
  Deno.env.set("SUPABASE_SECRET_KEYS", '{"other": "s2", "default": "s1"}');
  Deno.env.set("SUPABASE_SERVICE_ROLE_KEY", "old");
  assert.deepEqual(project(), {
    url: "http://x",
    publishableKey: "p",
    secretKey: "s1",
    secretKeys: ["s1", "s2", "old"],
  });
  Deno.env.delete("SUPABASE_SECRET_KEYS");
  assert.equal(project().secretKey, "old");
  Deno.env.delete("SUPABASE_SERVICE_ROLE_KEY");
  assert.throws(project, /SUPABASE_SECRET_KEYS/);
});

Deno.test("errors are answered as the database answers them; surprises tell nothing", async () => {
  const refused = endpoint("GET", () => Promise.reject(invalidArgument("a", "no a", "Pass a.")));
  const answer = await refused(new Request("http://x"));
  assert.equal(answer.status, 400);
  assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  assert.deepEqual(await answer.json(), {
    code: "PT400",
    message: "no a",
    details: '{"code":"invalid_argument","argument":"a"}',
    hint: "Pass a.",
  });
  const log = console.error;
  console.error = () => {};
  const surprised = endpoint("GET", () => Promise.reject(new Error("password=1234")));
  const internal = await surprised(new Request("http://x"));
  console.error = log;
  assert.equal(internal.status, 500);
  assert(!(await internal.text()).includes("1234"));
});

Deno.test("a body is a JSON object of bounded size", async () => {
  const body = (text: string) =>
    jsonBody(new Request("http://x", { method: "POST", body: text }), 20);
  assert.deepEqual(await body('{"a": 1}'), { a: 1 });
  for (const text of ["", "[]", "null", "{", '"a"']) await assert.rejects(body(text), ApiError);
  await assert.rejects(body(`{"a": "${"x".repeat(30)}"}`), /more than 20/);
});
