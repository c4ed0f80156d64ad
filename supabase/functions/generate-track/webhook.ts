// A provider's report: who sent it is proved first, then the database decides what it means.
import type { Database } from "../_shared/database.ts";
import { textBody } from "../_shared/endpoint.ts";
import { ApiError, invalidArgument } from "../_shared/errors.ts";
import type { Provider, Report, State } from "../_shared/providers/types.ts";
import { verified } from "../_shared/signature.ts";
import { SourceError } from "../_shared/sources/http.ts";
import { defined, Malformed } from "../_shared/sources/shape.ts";
import type { Store } from "../_shared/store.ts";

interface Recorded {
  track_id: string;
  outcome: string;
  status: string;
}

const MAX_BYTES = 1_000_000;

/** Answers a webhook. A status of 5xx makes the provider send it again. */
export async function webhook(
  request: Request,
  provider: Provider | undefined,
  database: Database,
  store: Store,
): Promise<Response> {
  if (!provider?.webhookSecrets) {
    throw new ApiError(404, "not_found", "no provider of that name sends webhooks here");
  }
  // Who sends it is not known yet.
  const body = await textBody(request, MAX_BYTES);
  const eventId = await verified(request.headers, body, provider.webhookSecrets);
  const { jobId, state } = read(provider, body);
  try {
    const [recorded] = await database.rpc<Recorded[]>("record_generation_event", {
      p_provider: provider.name,
      p_event_id: eventId,
      p_provider_job_id: jobId,
      p_status: state.status,
      p_result: await resultOf(state, `${provider.name}/${jobId}`, store),
      p_embedding: state.status === "completed" ? state.track.embedding ?? null : null,
    });
    return Response.json({ outcome: recorded?.outcome ?? "duplicate" });
  } catch (error) {
    // A job that is not noted yet, or audio that cannot be fetched now: later it may.
    const passing = error instanceof ApiError && error.status === 404;
    if (!passing && !(error instanceof SourceError)) throw error;
    throw new ApiError(503, error.code, error.message, "Send it again.");
  }
}

function read(provider: Provider, body: string): Report {
  try {
    return provider.read(JSON.parse(body));
  } catch (error) {
    const why = error instanceof Malformed ? error.message : "the body is not JSON";
    throw invalidArgument("body", why, "Nothing was written.");
  }
}

async function resultOf(
  state: State,
  name: string,
  store: Store,
): Promise<Record<string, unknown>> {
  switch (state.status) {
    case "completed": {
      const { embedding: _, ...track } = state.track;
      return { ...track, url: await store(track.url, name) };
    }
    case "failed":
      return { error: state.error, retry: state.retry };
    case "progress":
      return defined({ progress: state.progress ?? undefined });
  }
}
