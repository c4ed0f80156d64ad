// Whose histories are imported, and what the caller is told.
import { callerOf } from "../_shared/caller.ts";
import { type Database, databaseOf } from "../_shared/database.ts";
import { jsonBody } from "../_shared/endpoint.ts";
import { numberOr, type Project } from "../_shared/environment.ts";
import { invalidArgument } from "../_shared/errors.ts";
import { configuredKeyring, type Owner } from "../_shared/keyring.ts";
import { configuredPlatforms, platformNotConfigured } from "../_shared/platforms/configured.ts";
import { type Outcome, Syncer } from "./sync.ts";

interface Due {
  user_id: string;
  platform: string;
}

// Hosted, a call may last 150 seconds.
const BUDGET_MS = 100_000;
const AT_ONCE = 4;

export function handler(
  project: Project,
  database: Database = databaseOf(project),
  platforms = configuredPlatforms(),
): (request: Request) => Promise<Response> {
  return async (request) => {
    const caller = await callerOf(request, project);
    const body = await jsonBody(request);
    const syncer = new Syncer(
      database,
      await configuredKeyring(),
      platforms,
      numberOr("SYNC_MAX_PAGES", 20),
    );
    const { platform } = body;
    if (platform !== undefined && typeof platform !== "string") {
      throw invalidArgument("platform", "platform must be a text");
    }
    const userId = caller.service ? body.user_id : caller.userId;
    if (typeof userId === "string") {
      if (!platform) throw invalidArgument("platform", "platform is missing");
      return Response.json({ results: [await one({ userId, platform })] });
    }
    const due = await database.rpc<Due[]>("claim_connections_to_sync", {
      p_platform: platform ?? null,
      p_limit: body.limit ?? 200,
      p_older_than_seconds: body.older_than_seconds ?? 3600,
    });
    return Response.json({ results: await many(due, syncer) });

    async function one(owner: Owner): Promise<Outcome> {
      // Says by its own errors what is no platform, no member and no connection.
      await database.rpc("get_oauth_tokens", {
        p_user_id: owner.userId,
        p_platform: owner.platform,
      });
      if (!platforms.has(owner.platform)) throw platformNotConfigured(owner.platform);
      return await syncer.sync(owner);
    }
  };
}

/** Syncs a few at once until all are done or the time is over; the rest is due the next time. */
async function many(due: Due[], syncer: Syncer): Promise<Outcome[]> {
  const deadline = Date.now() + BUDGET_MS;
  const results: Outcome[] = [];
  const waiting = [...due];
  const worker = async () => {
    while (Date.now() < deadline) {
      const next = waiting.shift();
      if (!next) return;
      const owner = { userId: next.user_id, platform: next.platform };
      results.push(await syncer.sync(owner));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
