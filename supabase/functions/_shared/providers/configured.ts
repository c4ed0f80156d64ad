// The provider that new tracks go to, by the project's secrets (docs/studio.md lists them).
import { numberOr } from "../environment.ts";
import { ApiError } from "../errors.ts";
import { LIMITS, SourceClient } from "../sources/http.ts";
import { Recorded } from "./recorded.ts";
import { Replicate } from "./replicate.ts";
import type { Provider } from "./types.ts";

const MAKERS: Record<string, () => Provider | undefined> = {
  replicate() {
    const token = secret("REPLICATE_API_TOKEN");
    const version = secret("REPLICATE_VERSION");
    // Several, divided by spaces, while one replaces the other.
    const webhookSecrets = secret("REPLICATE_WEBHOOK_SECRET")?.split(/\s+/);
    if (!token || !version || !webhookSecrets) return undefined;
    const client = new SourceClient(
      "Replicate",
      secret("REPLICATE_URL") ?? "https://api.replicate.com",
      {
        ...LIMITS,
        interval: 0,
        attempts: 1,
        timeout: numberOr("GENERATION_TIMEOUT_MS", LIMITS.timeout),
      },
    );
    const maxSeconds = numberOr("GENERATION_MAX_SECONDS", 300);
    return new Replicate(client, { token, version, maxSeconds, webhookSecrets });
  },
  recorded() {
    const url = secret("RECORDED_TRACK_URL");
    return url ? new Recorded(url, numberOr("RECORDED_TRACK_SECONDS", 30)) : undefined;
  },
};

/** The provider of that name, where its secrets are set. */
export function configuredProvider(name: string): Provider | undefined {
  return Object.hasOwn(MAKERS, name) ? MAKERS[name]!() : undefined;
}

/** The provider that GENERATION_PROVIDER names. */
export function chosenProvider(): Provider {
  const name = secret("GENERATION_PROVIDER") ?? "";
  const provider = configuredProvider(name);
  if (provider) return provider;
  throw new ApiError(
    503,
    "not_configured",
    name ? `the provider ${name} is not there, or lacks its secrets` : "no provider is chosen",
    "Set GENERATION_PROVIDER and its secrets as docs/studio.md says.",
  );
}

function secret(name: string): string | undefined {
  return Deno.env.get(name) || undefined;
}
