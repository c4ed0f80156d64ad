// GET ?job_id=...: the updates of an import as server-sent events, from its current state, or from
// Last-Event-ID on, to its end.
import { databaseOf } from "../_shared/database.ts";
import { endpoint } from "../_shared/endpoint.ts";
import { numberOr, project } from "../_shared/environment.ts";
import { handler } from "./handler.ts";
import { Hub } from "./hub.ts";

const hub = new Hub(databaseOf(project()), numberOr("IMPORT_POLL_MS", 1000));
Deno.serve(endpoint("GET", handler(hub, numberOr("IMPORT_HEARTBEAT_MS", 15_000))));
