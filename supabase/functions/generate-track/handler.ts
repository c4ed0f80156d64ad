// Tells calls from webhooks.
import { inBackground } from "../_shared/background.ts";
import { callerOf } from "../_shared/caller.ts";
import { type Database, databaseOf } from "../_shared/database.ts";
import { jsonBody } from "../_shared/endpoint.ts";
import type { Project } from "../_shared/environment.ts";
import { invalidArgument } from "../_shared/errors.ts";
import { chosenProvider, configuredProvider } from "../_shared/providers/configured.ts";
import type { Job } from "../_shared/providers/types.ts";
import { storeOf } from "../_shared/store.ts";
import { webhook } from "./webhook.ts";
import { LEASE_SECONDS, Worker } from "./worker.ts";

const MOST = 20;
const USUAL = 5;

export function handler(
  project: Project,
  database: Database = databaseOf(project),
): (request: Request) => Promise<Response> {
  const store = storeOf(project, Deno.env.get("TRACKS_BUCKET") || undefined);
  const self = Deno.env.get("GENERATION_WEBHOOK_URL") ||
    `${project.url}/functions/v1/generate-track/webhook`;
  return async (request) => {
    const [, name] = new URL(request.url).pathname.match(/\/webhook\/([^/]+)\/?$/) ?? [];
    if (name) return await webhook(request, configuredProvider(name), database, store);

    await callerOf(request, project);
    const body = await jsonBody(request);
    const limit = body.limit ?? USUAL;
    if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1 || limit > MOST) {
      throw invalidArgument("limit", `limit must be between 1 and ${MOST}`);
    }
    // Before anything is claimed: what cannot be begun must not be taken.
    const provider = chosenProvider();
    const jobs = await database.rpc<Job[]>("claim_generation_jobs", {
      p_worker: `generate-track ${crypto.randomUUID().slice(0, 8)}`,
      p_limit: limit,
      p_lease_seconds: LEASE_SECONDS,
    });
    const worker = new Worker(database, provider, `${self}/${provider.name}`, store);
    inBackground(Promise.all(jobs.map((job) => worker.work(job))));
    return Response.json({ claimed: jobs.length }, { status: 202 });
  };
}
