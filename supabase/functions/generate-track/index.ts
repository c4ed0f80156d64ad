// POST {"limit"?}: claims requests that are due and has the provider begin them; for a schedule (secret
// key), and for apps right after request_generation (the member's token). Answers 202 and works on.
// POST .../webhook/<provider>: the provider's signed reports.
import { endpoint } from "../_shared/endpoint.ts";
import { project } from "../_shared/environment.ts";
import { handler } from "./handler.ts";

Deno.serve(endpoint("POST", handler(project())));
