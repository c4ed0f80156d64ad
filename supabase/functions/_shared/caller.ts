// Who calls a function. Functions are deployed with verify_jwt = false, because the gateway's check
// knows no publishable and secret keys; those that need a caller ask here.
import { timingSafeEqual } from "node:crypto";
import { ApiError } from "./errors.ts";
import type { Project } from "./environment.ts";

/** The service (secret key) or a signed-in member. */
export type Caller = { service: true } | { service: false; userId: string };

/** The caller of a request; refuses everybody else. */
export async function callerOf(request: Request, project: Project): Promise<Caller> {
  const token = request.headers.get("authorization")?.replace(/^Bearer\s+/i, "") ?? "";
  const given = [token, request.headers.get("apikey") ?? ""];
  if (given.some((key) => project.secretKeys.some((secret) => equal(key, secret)))) {
    return { service: true };
  }
  // A member's token is a JWT; the auth service alone says whether it holds.
  if (token.split(".").length === 3) {
    const answer = await fetch(`${project.url}/auth/v1/user`, {
      headers: { apikey: project.publishableKey, authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(10_000),
    });
    const user = await answer.json().catch(() => null);
    if (answer.ok && typeof user?.id === "string") return { service: false, userId: user.id };
  }
  throw new ApiError(
    401,
    "unauthenticated",
    "no member is signed in",
    "Sign in, or call with the secret key.",
  );
}

function equal(a: string, b: string): boolean {
  const [left, right] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
