// Encryption of tokens: what opens, what does not, and what each of them says.
import assert from "node:assert/strict";
import { ApiError } from "../../supabase/functions/_shared/errors.ts";
import { Keyring, Unreadable } from "../../supabase/functions/_shared/keyring.ts";

const OLD = btoa("o".repeat(32));
const NEW = btoa("n".repeat(32));
const ADA = { userId: "ada", platform: "spotify" };
const TOKENS = { accessToken: "an access token ü", refreshToken: "a refresh token" };

const old = () => Keyring.of(JSON.stringify({ old: OLD }), undefined);
const both = () => Keyring.of(JSON.stringify({ old: OLD, new: NEW }), "new");
const isUnreadable = (code: string) => (error: unknown) =>
  error instanceof Unreadable && error.code === code && !error.message.includes("token ü");

Deno.test("what is sealed opens, and looks different each time", async () => {
  const keyring = await old();
  const [one, two] = [await keyring.seal(TOKENS, ADA), await keyring.seal(TOKENS, ADA)];
  assert.deepEqual(await keyring.open(one, ADA), TOKENS);
  assert.equal(one.key_id, "old");
  assert.notEqual(one.access_token, two.access_token);
  assert.match(one.access_token, /^[A-Za-z0-9+/]{38,}={0,2}$/);
  assert(!atob(one.access_token).includes("access"));
  const without = await keyring.seal({ ...TOKENS, refreshToken: null }, ADA);
  assert.equal((await keyring.open(without, ADA)).refreshToken, null);
});

Deno.test("a key that is no longer in use still opens, and what it opened is sealed anew", async () => {
  const sealed = await (await old()).seal(TOKENS, ADA);
  const keyring = await both();
  const again = await keyring.seal(await keyring.open(sealed, ADA), ADA);
  assert.equal(again.key_id, "new");
  assert.deepEqual(await keyring.open(again, ADA), TOKENS);
  await assert.rejects((await old()).open(again, ADA), isUnreadable("key_missing"));
});

Deno.test("a ciphertext opens in its own place only", async () => {
  const keyring = await old();
  const sealed = await keyring.seal(TOKENS, ADA);
  const { access_token, refresh_token } = sealed;
  for (
    const [changed, owner] of [
      [sealed, { ...ADA, userId: "bob" }],
      [sealed, { ...ADA, platform: "youtube" }],
      [{ ...sealed, access_token: refresh_token!, refresh_token: access_token }, ADA],
      [{ ...sealed, access_token: access_token.slice(0, -8) + "AAAAAAA=" }, ADA],
      [{ ...sealed, access_token: "AAAA" }, ADA],
      [{ ...sealed, access_token: "%" }, ADA],
    ] as const
  ) {
    await assert.rejects(keyring.open(changed, owner), isUnreadable("token_unreadable"));
  }
  const other = await Keyring.of(JSON.stringify({ old: NEW }), undefined);
  await assert.rejects(other.open(sealed, ADA), isUnreadable("token_unreadable"));
});

Deno.test("keys that are none are refused without being shown", async () => {
  for (
    const [json, current] of [
      [undefined, undefined],
      ["", undefined],
      ["[]", undefined],
      ["{}", undefined],
      ["{secret", undefined],
      [JSON.stringify({ a: "secret" }), undefined],
      [JSON.stringify({ a: btoa("secret") }), undefined],
      [JSON.stringify({ a: 7 }), undefined],
      [JSON.stringify({ "a b": OLD }), undefined],
      [JSON.stringify({ a: OLD, b: NEW }), undefined],
      [JSON.stringify({ a: OLD }), "b"],
    ]
  ) {
    await assert.rejects(Keyring.of(json, current), (error) => {
      assert(error instanceof ApiError, `${json}: ${error}`);
      assert.equal(error.code, "not_configured");
      return !error.message.includes("secret") && !error.message.includes(OLD);
    });
  }
});
