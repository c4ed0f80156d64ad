// Signatures of webhooks as Standard Webhooks has them: HMAC-SHA256 over id, time and body.
import { timingSafeEqual } from "node:crypto";
import { ApiError } from "./errors.ts";

// A message older than this, or from a future further than this, is a replay.
const WINDOW_SECONDS = 300;

/**
 * The id of a webhook whose signature holds. `secrets` are base64 with or without the prefix
 * `whsec_`; any of them will do. Throws 401, with no word on what was wrong with the signature.
 */
export async function verified(
  headers: Headers,
  body: string,
  secrets: readonly string[],
  now: number = Date.now(),
): Promise<string> {
  const id = headers.get("webhook-id") ?? "";
  const timestamp = headers.get("webhook-timestamp") ?? "";
  const given = (headers.get("webhook-signature") ?? "").split(" ");
  if (!id || !/^\d{1,12}$/.test(timestamp)) throw refused("the webhook is not signed");
  if (Math.abs(now / 1000 - Number(timestamp)) > WINDOW_SECONDS) {
    throw refused("the webhook is too old, or of the future");
  }
  let holds = false;
  for (const secret of secrets) {
    const expected = `v1,${await signature(secret, `${id}.${timestamp}.${body}`)}`;
    // All are compared, whichever fits.
    for (const one of given) holds = equal(one, expected) || holds;
  }
  if (!holds) throw refused("the webhook's signature does not hold");
  return id;
}

/** The signature of a message, in base64. */
export async function signature(secret: string, message: string): Promise<string> {
  const bytes = Uint8Array.from(atob(secret.replace(/^whsec_/, "")), (char) => char.charCodeAt(0));
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]);
  const signed = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(message));
  return btoa(String.fromCharCode(...new Uint8Array(signed)));
}

function equal(a: string, b: string): boolean {
  const [left, right] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function refused(message: string): ApiError {
  return new ApiError(401, "unauthenticated", message, "Webhooks come from the provider alone.");
}
