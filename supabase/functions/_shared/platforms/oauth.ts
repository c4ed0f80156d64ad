// The token endpoint of OAuth 2.0 (RFC 6749, with PKCE): codes and refresh tokens become tokens.
import { bounded } from "../bounded.ts";
import { invalidArgument } from "../errors.ts";
import { retryAfter, SourceError } from "../sources/http.ts";
import { number, object, text } from "../sources/shape.ts";
import { type Consent, ConsentGone, type Grant } from "./types.ts";

const MAX_BYTES = 100_000;

/** One app at one token endpoint. Nothing is tried again: a code may be used once. */
export class TokenEndpoint {
  constructor(
    readonly source: string,
    readonly url: string,
    readonly app: { clientId: string; clientSecret: string },
    readonly timeoutMs: number,
  ) {}

  exchange({ code, redirectUri, codeVerifier }: Consent): Promise<Grant> {
    if (!code) throw invalidArgument("code", "code is missing", "Pass the code of the redirect.");
    if (!redirectUri) {
      throw invalidArgument(
        "redirect_uri",
        "redirect_uri is missing",
        "Pass the one of the redirect.",
      );
    }
    return this.#ask({
      grant_type: "authorization_code",
      code,
      redirect_uri: redirectUri,
      ...(codeVerifier && { code_verifier: codeVerifier }),
    });
  }

  refresh(refreshToken: string): Promise<Grant> {
    return this.#ask({ grant_type: "refresh_token", refresh_token: refreshToken });
  }

  async #ask(form: Record<string, string>): Promise<Grant> {
    const { status, headers, body } = await this.#post(form);
    if (status === 200) return this.#grant(body);
    if (status === 429) {
      const wait = retryAfter(headers.get("retry-after"));
      throw this.#problem("source_throttled", "asks to wait", wait);
    }
    if (status >= 500) {
      throw this.#problem("source_unavailable", `HTTP status ${status} for a token`);
    }
    const reason = text((body as Record<string, unknown> | null)?.error) ?? `HTTP status ${status}`;
    if (reason === "invalid_grant") throw new ConsentGone(`${this.source}: the consent is gone`);
    // The app's own fault (invalid_client ...): no member's consent is in doubt.
    throw this.#problem("source_refused", `gives no token: ${reason.slice(0, 100)}`);
  }

  async #post(
    form: Record<string, string>,
  ): Promise<{ status: number; headers: Headers; body: unknown }> {
    const { clientId, clientSecret } = this.app;
    try {
      const answer = await fetch(this.url, {
        method: "POST",
        headers: {
          authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}`,
          accept: "application/json",
        },
        body: new URLSearchParams(form),
        signal: AbortSignal.timeout(this.timeoutMs),
        redirect: "error",
      });
      const words = await bounded(answer.body, MAX_BYTES);
      const body = words ? json(await words.text()) : null;
      return { status: answer.status, headers: answer.headers, body };
    } catch {
      throw this.#problem("source_unavailable", "no answer to a request for a token");
    }
  }

  #grant(body: unknown): Grant {
    const answer = body === null ? {} : object(body, "the answer");
    const accessToken = text(answer.access_token);
    if (!accessToken) throw this.#problem("source_malformed", "gave no access token");
    return {
      accessToken,
      refreshToken: text(answer.refresh_token) ?? null,
      expiresIn: number(answer.expires_in) ?? null,
      scopes: text(answer.scope)?.split(/\s+/) ?? null,
    };
  }

  #problem(code: SourceError["code"], message: string, retryAfterMs?: number): SourceError {
    return new SourceError(code, this.source, message, retryAfterMs);
  }
}

function json(words: string): unknown {
  try {
    const found: unknown = JSON.parse(words);
    return typeof found === "object" && !Array.isArray(found) ? found : null;
  } catch {
    return null;
  }
}
