// POST {} with the secret key: encrypts all tokens that are under an older key with the one in use.
// Safe to repeat; once `left` is 0 the older keys may go.
import { endpoint } from "../_shared/endpoint.ts";
import { project } from "../_shared/environment.ts";
import { handler } from "./handler.ts";

Deno.serve(endpoint("POST", handler(project())));
