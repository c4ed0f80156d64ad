// Re-encryption, token by token. What cannot be read stays as it is, and is named.
import { callerOf } from "../_shared/caller.ts";
import { type Database, databaseOf } from "../_shared/database.ts";
import type { Project } from "../_shared/environment.ts";
import { ApiError } from "../_shared/errors.ts";
import {
  configuredKeyring,
  type Keyring,
  type SealedTokens,
  Unreadable,
} from "../_shared/keyring.ts";

interface Stored extends SealedTokens {
  connection_id: string;
  user_id: string;
  platform: string;
  version: number;
}

/** Tokens that stay under an older key. */
interface Left {
  connection_id: string;
  key_id: string;
  error: string;
}

const A_PAGE = 100;
const BUDGET_MS = 100_000;

export function handler(
  project: Project,
  database: Database = databaseOf(project),
  budgetMs = BUDGET_MS,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const caller = await callerOf(request, project);
    if (!caller.service) {
      throw new ApiError(
        403,
        "forbidden",
        "rotation is for the service",
        "Call with the secret key.",
      );
    }
    return Response.json(await rotate(database, await configuredKeyring(), budgetMs));
  };
}

async function rotate(
  database: Database,
  keyring: Keyring,
  budgetMs: number,
): Promise<{ key_id: string; rotated: number; left: Left[]; done: boolean }> {
  const deadline = Date.now() + budgetMs;
  const left: Left[] = [];
  let rotated = 0;
  let after: string | null = null;
  let page: Stored[] = [];
  do {
    page = await database.rpc<Stored[]>("list_oauth_tokens_to_rotate", {
      p_key_id: keyring.current,
      p_limit: A_PAGE,
      p_after: after,
    });
    for (const stored of page) {
      const error = await reencrypted(stored, database, keyring);
      if (error) left.push({ connection_id: stored.connection_id, key_id: stored.key_id, error });
      else rotated++;
      after = stored.connection_id;
    }
  } while (page.length === A_PAGE && Date.now() < deadline);
  return { key_id: keyring.current, rotated, left, done: page.length < A_PAGE };
}

/** Re-encrypts one connection's tokens; answers a code where that is not possible now. */
async function reencrypted(
  stored: Stored,
  database: Database,
  keyring: Keyring,
): Promise<string | undefined> {
  const owner = { userId: stored.user_id, platform: stored.platform };
  try {
    const sealed = await keyring.seal(await keyring.open(stored, owner), owner);
    const swapped = await database.rpc<boolean>("reencrypt_oauth_tokens", {
      p_connection_id: stored.connection_id,
      p_old_key_id: stored.key_id,
      p_version: stored.version,
      p_new_key_id: sealed.key_id,
      p_access_token: sealed.access_token,
      p_refresh_token: sealed.refresh_token,
    });
    // Refreshed or deleted meanwhile. A refresh has used the key in use; the next call will tell.
    return swapped ? undefined : "conflict";
  } catch (error) {
    if (error instanceof Unreadable) return error.code;
    throw error;
  }
}
