// The sources that this project has keys for, by its secrets (docs/imports.md lists them).
import { numberOr } from "../environment.ts";
import { LIMITS, type Limits, SourceClient } from "./http.ts";
import { SetlistFm } from "./setlistfm.ts";
import { Spotify } from "./spotify.ts";
import { Ticketmaster } from "./ticketmaster.ts";
import type { ArtistSource } from "./types.ts";

/** Spotify first: its ids are the most precise. */
export function configuredSources(signal?: AbortSignal): ArtistSource[] {
  const secret = (name: string) => Deno.env.get(name) || undefined;
  const client = (source: string, variable: string, base: string, interval: number) =>
    new SourceClient(source, secret(variable) ?? base, limits(interval), signal);

  const sources: ArtistSource[] = [];
  const clientId = secret("SPOTIFY_CLIENT_ID");
  const clientSecret = secret("SPOTIFY_CLIENT_SECRET");
  if (clientId && clientSecret) {
    sources.push(
      new Spotify(
        client("Spotify", "SPOTIFY_API_URL", "https://api.spotify.com", 100),
        client("Spotify", "SPOTIFY_ACCOUNTS_URL", "https://accounts.spotify.com", 100),
        { clientId, clientSecret },
        numberOr("IMPORT_MAX_SONGS", 5000),
      ),
    );
  }
  const ticketmasterKey = secret("TICKETMASTER_API_KEY");
  if (ticketmasterKey) {
    const base = "https://app.ticketmaster.com";
    // Five requests a second are allowed.
    sources.push(
      new Ticketmaster(client("Ticketmaster", "TICKETMASTER_URL", base, 210), ticketmasterKey),
    );
  }
  const setlistfmKey = secret("SETLISTFM_API_KEY");
  if (setlistfmKey) {
    // Two requests a second are allowed.
    sources.push(
      new SetlistFm(
        client("setlist.fm", "SETLISTFM_URL", "https://api.setlist.fm", 510),
        setlistfmKey,
        numberOr("IMPORT_MAX_SETLIST_PAGES", 15),
      ),
    );
  }
  return sources;
}

function limits(interval: number): Limits {
  return {
    interval: numberOr("IMPORT_REQUEST_INTERVAL_MS", interval),
    timeout: numberOr("IMPORT_TIMEOUT_MS", LIMITS.timeout),
    attempts: numberOr("IMPORT_ATTEMPTS", LIMITS.attempts),
    patience: numberOr("IMPORT_PATIENCE_MS", LIMITS.patience),
    maxBytes: numberOr("IMPORT_MAX_BYTES", LIMITS.maxBytes),
  };
}
