// Who may start an import, of what, and what they are told.
import { inBackground } from "../_shared/background.ts";
import { callerOf } from "../_shared/caller.ts";
import { type Database, databaseOf } from "../_shared/database.ts";
import { jsonBody } from "../_shared/endpoint.ts";
import type { Project } from "../_shared/environment.ts";
import { ApiError } from "../_shared/errors.ts";
import { configuredSources } from "../_shared/sources/configured.ts";
import { work } from "./worker.ts";

interface Started {
  job_id: string;
  stage: string;
  started: boolean;
}

/** Answers a request and lets a worker go on in the background. */
export function handler(
  project: Project,
  database: Database = databaseOf(project),
  sources: typeof configuredSources = configuredSources,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const caller = await callerOf(request, project);
    const artist = await jsonBody(request);
    if (sources().length === 0) {
      throw new ApiError(
        503,
        "not_configured",
        "no source of artists is configured",
        "Set the secrets that docs/imports.md names.",
      );
    }
    const [job] = await database.rpc<Started[]>("start_import", {
      p_artist: artist,
      ...(!caller.service && { p_user_id: caller.userId }),
    });
    if (!job) throw new Error("start_import answered no row");
    // Also where the job runs already: if its worker has died, this one takes over.
    if (job.stage !== "done") inBackground(work(job.job_id, database, sources));
    return Response.json({ job_id: job.job_id, stage: job.stage, started: job.started }, {
      status: 202,
    });
  };
}
