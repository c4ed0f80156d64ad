// What every function does around its work: browsers' preflights, methods, errors.
import { bounded } from "./bounded.ts";
import { ApiError } from "./errors.ts";

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers":
    "authorization, apikey, content-type, last-event-id, x-client-info",
};

/** A handler for one method; what it throws becomes an answer. */
export function endpoint(
  method: string,
  handle: (request: Request) => Promise<Response>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const answer = await respond(method, handle, request);
    for (const [name, value] of Object.entries(CORS)) answer.headers.set(name, value);
    return answer;
  };
}

async function respond(
  method: string,
  handle: (request: Request) => Promise<Response>,
  request: Request,
): Promise<Response> {
  if (request.method === "OPTIONS") {
    return new Response(null, {
      status: 204,
      headers: { "access-control-allow-methods": method },
    });
  }
  try {
    if (request.method !== method) {
      throw new ApiError(
        405,
        "invalid_argument",
        `${request.method} is not possible here`,
        `Use ${method}.`,
      );
    }
    return await handle(request);
  } catch (error) {
    if (error instanceof ApiError) return error.response();
    // Unexpected: the log gets the cause, the caller does not.
    console.error(error);
    return new ApiError(500, "internal", "the function failed", "Try again; its log has the cause.")
      .response();
  }
}

/** The body as text; no more than `maxBytes` of it are read. */
export async function textBody(request: Request, maxBytes: number): Promise<string> {
  const body = await bounded(request.body, maxBytes);
  if (!body) throw new ApiError(413, "too_large", `the body has more than ${maxBytes} bytes`);
  return await body.text();
}

/** The body as a JSON object, at most `maxBytes` long. */
export async function jsonBody(
  request: Request,
  maxBytes = 100_000,
): Promise<Record<string, unknown>> {
  const text = await textBody(request, maxBytes);
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null && !Array.isArray(body)) {
      return body as Record<string, unknown>;
    }
  } catch {
    // Said below.
  }
  throw new ApiError(400, "invalid_argument", "the body must be a JSON object");
}
