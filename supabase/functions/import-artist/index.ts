// POST {"name" | "spotify_id" | "ticketmaster_id" | "artist_id"}: starts the import of an artist, or
// joins the one that runs. Answers 202 with {"job_id", "stage"} and works on.
import { endpoint } from "../_shared/endpoint.ts";
import { project } from "../_shared/environment.ts";
import { handler } from "./handler.ts";

Deno.serve(endpoint("POST", handler(project())));
