// Imports histories page by page. Each page moves the cursor in the transaction that writes its
// plays, and only from where it began: a sync may die at any moment, and two may run at once.
import { Account } from "../_shared/account.ts";
import type { Database } from "../_shared/database.ts";
import { ApiError } from "../_shared/errors.ts";
import { type Keyring, type Owner, Unreadable } from "../_shared/keyring.ts";
import type { Platforms } from "../_shared/platforms/configured.ts";
import { ConsentGone, type HistoryPage, type Platform } from "../_shared/platforms/types.ts";
import { SourceError } from "../_shared/sources/http.ts";
import type { Json } from "../_shared/sources/shape.ts";

/** What became of one history. */
export interface Outcome {
  user_id: string;
  platform: string;
  imported: number;
  duplicates: number;
  refused: number;
  /** Whether it was read to its end; else the next sync goes on. */
  done: boolean;
  /** A code of docs/studio.md where it failed; what was imported before stays. */
  error: string | null;
  message: string | null;
}

interface Counts {
  imported: number;
  duplicates: number;
  refused: number;
}

// What the database calls the cursor of a history that nobody has begun to import.
const NONE = "";

export class Syncer {
  // Limits of a platform are those of the app: who is told to wait, waits for all its members.
  readonly #throttled = new Map<string, SourceError>();

  constructor(
    readonly database: Database,
    readonly keyring: Keyring,
    readonly platforms: Platforms,
    readonly maxPages: number,
  ) {}

  /** Imports what is new; never throws. */
  async sync(owner: Owner): Promise<Outcome> {
    const outcome: Outcome = {
      user_id: owner.userId,
      platform: owner.platform,
      imported: 0,
      duplicates: 0,
      refused: 0,
      done: false,
      error: null,
      message: null,
    };
    try {
      const platform = this.platforms.get(owner.platform);
      const throttled = this.#throttled.get(owner.platform);
      if (throttled) throw throttled;
      if (!platform) {
        return { ...outcome, ...failure("not_configured", "there are no keys for it") };
      }
      await this.#pages(owner, platform, outcome);
    } catch (error) {
      if (error instanceof SourceError && error.code === "source_throttled") {
        this.#throttled.set(owner.platform, error);
      }
      Object.assign(outcome, reason(error));
    }
    return outcome;
  }

  async #pages(owner: Owner, platform: Platform, outcome: Outcome): Promise<void> {
    const { database, keyring } = this;
    const account = await Account.open(owner, platform, database, keyring);
    let cursor = await this.#cursor(owner);
    for (let page = 0; page < this.maxPages && !outcome.done; page++) {
      const found = await account.use((token) => platform.history(token, parsed(cursor)));
      const next = JSON.stringify(found.cursor);
      const counts = await this.#write(owner, found, cursor, next);
      outcome.imported += counts.imported;
      outcome.duplicates += counts.duplicates;
      outcome.refused += counts.refused;
      outcome.done = found.done;
      cursor = next;
    }
  }

  async #write(owner: Owner, page: HistoryPage, from: string, to: string): Promise<Counts> {
    try {
      const [counts] = await this.database.rpc<Counts[]>("import_history", {
        p_user_id: owner.userId,
        p_provider: owner.platform,
        p_plays: page.plays,
        p_cursor: to,
        p_expected_cursor: from,
        p_done: page.done,
      });
      return counts!;
    } catch (error) {
      // An answer that was lost and asked for again: the page is written.
      const moved = error instanceof ApiError && error.status === 409;
      if (moved && await this.#cursor(owner) === to) {
        return { imported: 0, duplicates: page.plays.length, refused: 0 };
      }
      throw error;
    }
  }

  /** Where the history stands. */
  async #cursor({ userId, platform }: Owner): Promise<string> {
    const [row] = await this.database.rpc<{ history_cursor: string | null }[]>(
      "get_history_cursor",
      { p_user_id: userId, p_provider: platform },
    );
    return row?.history_cursor ?? NONE;
  }
}

/** A cursor that is none of ours (another importer's) is the beginning: nothing counts twice. */
function parsed(cursor: string): Json {
  try {
    const found: unknown = JSON.parse(cursor);
    if (typeof found === "object" && found !== null && !Array.isArray(found)) return found as Json;
  } catch {
    // Below.
  }
  return {};
}

function failure(error: string, message: string): { error: string; message: string } {
  return { error, message };
}

function reason(error: unknown): { error: string; message: string } {
  if (error instanceof ConsentGone) return failure("connection_expired", error.message);
  const known = error instanceof SourceError || error instanceof Unreadable ||
    error instanceof ApiError;
  if (known) return failure(error.code, error.message);
  console.error(error);
  return failure("internal", "the sync failed; its log has the cause");
}
