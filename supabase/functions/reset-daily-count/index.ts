// POST with the secret key: sets the counts of earlier days to 0. The job reset_daily_count does the
// same; no result depends on either, this is for projects that schedule functions.
import { callerOf } from "../_shared/caller.ts";
import { databaseOf } from "../_shared/database.ts";
import { endpoint } from "../_shared/endpoint.ts";
import { project } from "../_shared/environment.ts";
import { ApiError } from "../_shared/errors.ts";

const here = project();
const database = databaseOf(here);

Deno.serve(endpoint("POST", async (request) => {
  const caller = await callerOf(request, here);
  if (!caller.service) {
    throw new ApiError(
      403,
      "forbidden",
      "the reset is for the service",
      "Call with the secret key.",
    );
  }
  return Response.json({ reset: await database.rpc<number>("reset_daily_count", {}) });
}));
