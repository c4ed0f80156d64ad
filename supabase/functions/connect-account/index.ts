// POST {"platform", "code", "redirect_uri", "code_verifier"?}, or {"platform": "apple", "user_token"}:
// connects an account elsewhere to the signed-in member.
import { endpoint } from "../_shared/endpoint.ts";
import { project } from "../_shared/environment.ts";
import { handler } from "./handler.ts";

Deno.serve(endpoint("POST", handler(project())));
