// POST {"kind"?, "limit"?} with the secret key: gives the newest items without a text embedding theirs.
// For a schedule, or a webhook on new rows. Safe to repeat, and to run twice at once.
import { endpoint } from "../_shared/endpoint.ts";
import { project } from "../_shared/environment.ts";
import { handler } from "./handler.ts";

Deno.serve(endpoint("POST", handler(project())));
