// The platforms that this project has keys for, by its secrets (docs/studio.md lists them).
import { numberOr } from "../environment.ts";
import { ApiError } from "../errors.ts";
import { LIMITS, SourceClient } from "../sources/http.ts";
import { AppleHistory } from "./apple.ts";
import { TokenEndpoint } from "./oauth.ts";
import { SpotifyHistory } from "./spotify.ts";
import type { Platform } from "./types.ts";
import { YoutubeHistory } from "./youtube.ts";

/** Platforms by their names. */
export type Platforms = ReadonlyMap<string, Platform>;

export function configuredPlatforms(): Platforms {
  const secret = (name: string) => Deno.env.get(name) || undefined;
  const timeout = numberOr("SYNC_TIMEOUT_MS", LIMITS.timeout);
  const client = (source: string, variable: string, base: string) =>
    new SourceClient(source, secret(variable) ?? base, {
      interval: numberOr("SYNC_REQUEST_INTERVAL_MS", 100),
      timeout,
      attempts: numberOr("SYNC_ATTEMPTS", 3),
      patience: numberOr("SYNC_PATIENCE_MS", 10_000),
      maxBytes: LIMITS.maxBytes,
    });
  const endpoint = (
    source: string,
    prefix: string,
    variable: string,
    base: string,
    path: string,
  ) => {
    const clientId = secret(`${prefix}_CLIENT_ID`);
    const clientSecret = secret(`${prefix}_CLIENT_SECRET`);
    if (!clientId || !clientSecret) return undefined;
    const url = (secret(variable) ?? base) + path;
    return new TokenEndpoint(source, url, { clientId, clientSecret }, timeout);
  };

  const found: Platform[] = [];
  const spotify = endpoint(
    "Spotify",
    "SPOTIFY",
    "SPOTIFY_ACCOUNTS_URL",
    "https://accounts.spotify.com",
    "/api/token",
  );
  if (spotify) {
    const api = client("Spotify", "SPOTIFY_API_URL", "https://api.spotify.com");
    found.push(new SpotifyHistory(api, spotify));
  }
  const google = endpoint(
    "YouTube",
    "GOOGLE",
    "GOOGLE_OAUTH_URL",
    "https://oauth2.googleapis.com",
    "/token",
  );
  if (google) {
    const api = client("YouTube", "GOOGLE_API_URL", "https://www.googleapis.com");
    found.push(new YoutubeHistory(api, google, secret("YOUTUBE_PLAYLIST") ?? "LM"));
  }
  const [teamId, keyId] = [secret("APPLE_TEAM_ID"), secret("APPLE_KEY_ID")];
  const privateKey = secret("APPLE_PRIVATE_KEY");
  if (teamId && keyId && privateKey) {
    const api = client("Apple Music", "APPLE_MUSIC_URL", "https://api.music.apple.com");
    found.push(new AppleHistory(api, { teamId, keyId, privateKey }));
  }
  return new Map(found.map((platform) => [platform.name, platform]));
}

/** A refusal of a platform that has no keys here. */
export const platformNotConfigured = (name: string): ApiError =>
  new ApiError(
    503,
    "not_configured",
    `${name} is not configured`,
    "Set the secrets that docs/studio.md names.",
  );
