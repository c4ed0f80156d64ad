// The database as functions use it: calls of its API functions with the secret key.
import { ApiError } from "./errors.ts";
import type { Project } from "./environment.ts";

/** Calls `public.<name>`; the result is what PostgREST answers. */
export interface Database {
  rpc<T>(name: string, args: Record<string, unknown>): Promise<T>;
}

// PostgREST grants an API function the statement_timeout that it declares: up to a minute.
const TIMEOUT_MS = 70_000;
const ATTEMPTS = 4;
const TRANSIENT = new Set([502, 503, 504]);

/** The database over HTTP. Every RPC that a function calls is safe to repeat, so lost answers are. */
export function databaseOf(project: Project): Database {
  return {
    async rpc<T>(name: string, args: Record<string, unknown>): Promise<T> {
      for (let attempt = 1;; attempt++) {
        const last = attempt === ATTEMPTS;
        try {
          const answer = await post(project, name, args);
          if (answer.ok) return (answer.status === 204 ? null : await answer.json()) as T;
          const error = await errorOf(answer, name);
          if (last || !TRANSIENT.has(answer.status)) throw error;
        } catch (error) {
          if (last || error instanceof ApiError) throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, 200 * 2 ** attempt * Math.random()));
      }
    },
  };
}

function post(project: Project, name: string, args: Record<string, unknown>): Promise<Response> {
  return fetch(`${project.url}/rest/v1/rpc/${name}`, {
    method: "POST",
    headers: {
      apikey: project.secretKey,
      authorization: `Bearer ${project.secretKey}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(args),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}

async function errorOf(answer: Response, name: string): Promise<ApiError> {
  const body = await answer.json().catch(() => ({})) as Record<string, string | null>;
  let detail: Record<string, string> = {};
  try {
    detail = JSON.parse(body.details ?? "{}");
  } catch {
    // PostgreSQL's own errors have prose there.
  }
  return new ApiError(
    answer.status,
    detail.code ?? body.code ?? "internal",
    body.message ?? `${name} failed with HTTP status ${answer.status}`,
    body.hint ?? "",
    detail.argument,
  );
}
