// Accounts elsewhere: how a member's consent becomes tokens, and where the listening history is.
import type { Json } from "../sources/shape.ts";

/** A play, as the RPC import_history takes it. */
export interface Play {
  track_id?: string;
  track_name: string;
  artist: string;
  album?: string;
  genres?: string[];
  played_at: string;
}

/** A piece of a history. */
export interface HistoryPage {
  plays: Play[];
  /** Where the next page, or the next sync, goes on. */
  cursor: Json;
  /** Whether the history has been read to its end. */
  done: boolean;
}

/** What a platform grants. */
export interface Grant {
  accessToken: string;
  /** Null where the old one stays, or where there is none. */
  refreshToken: string | null;
  /** Seconds; null where it is not said. */
  expiresIn: number | null;
  scopes: string[] | null;
}

/** How the member's app proves consent: an OAuth code, or a token that it got itself. */
export interface Consent {
  code?: string;
  redirectUri?: string;
  codeVerifier?: string;
  userToken?: string;
}

/** The member, or the platform, has taken the consent back. */
export class ConsentGone extends Error {}

/** One of the platforms in medley.music_providers that have histories. */
export interface Platform {
  readonly name: string;
  /** The status that says that the access token is no longer good. */
  readonly deniedStatus: number;
  /** Tokens for a consent; throws `ConsentGone` where it is none. */
  connect(consent: Consent): Promise<Grant>;
  /** New tokens; throws `ConsentGone`. */
  refresh(refreshToken: string): Promise<Grant>;
  /** The plays after a cursor; `{}` is the beginning. Throws `SourceError`. */
  history(accessToken: string, cursor: Json): Promise<HistoryPage>;
}
