// POST {"platform"}: imports what the signed-in member has played there since the last time.
// POST {"user_id", "platform"} with the secret key does it for a member, and
// POST {"platform"?, "limit"?, "older_than_seconds"?} for all connections that are due.
import { endpoint } from "../_shared/endpoint.ts";
import { project } from "../_shared/environment.ts";
import { handler } from "./handler.ts";

Deno.serve(endpoint("POST", handler(project())));
