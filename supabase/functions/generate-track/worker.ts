// Has a provider begin what was claimed. From then on its webhooks speak; where they fall silent the
// lease runs out, and the next worker asks the provider how its job stands.
import { inBackground } from "../_shared/background.ts";
import type { Database } from "../_shared/database.ts";
import { ApiError } from "../_shared/errors.ts";
import type { Job, Provider, Report, Track } from "../_shared/providers/types.ts";
import { SourceError } from "../_shared/sources/http.ts";
import type { Store } from "../_shared/store.ts";

/** How long a claim lasts without a sign of life. */
export const LEASE_SECONDS = 120;
// How long a provider may work without a webhook.
const PROVIDER_SECONDS = 900;
const LONGEST_PAUSE_SECONDS = 86_400;

export class Worker {
  constructor(
    readonly database: Database,
    readonly provider: Provider,
    readonly webhook: string,
    readonly store: Store,
    readonly leaseSeconds = LEASE_SECONDS,
  ) {}

  /** Ends when the provider works on the job, or has done, or when it failed; never throws. */
  async work(job: Job): Promise<void> {
    const signs = setInterval(() => inBackground(this.#sign(job)), this.leaseSeconds * 1000 / 3);
    try {
      const report = await this.#earlier(job) ?? await this.provider.start(job, this.webhook);
      await this.#noted(job, report);
    } catch (error) {
      await this.#failed(job, error);
    } finally {
      clearInterval(signs);
    }
  }

  /** The job of an earlier attempt, where the provider still has it and it did not fail. */
  async #earlier(job: Job): Promise<Report | undefined> {
    if (job.provider !== this.provider.name || !job.provider_job_id) return undefined;
    const report = await this.provider.find(job.provider_job_id);
    return report?.state.status === "failed" ? undefined : report;
  }

  async #noted(job: Job, { jobId, state }: Report): Promise<void> {
    await this.#rpc("start_provider_job", job, {
      p_provider: this.provider.name,
      p_provider_job_id: jobId,
      p_lease_seconds: PROVIDER_SECONDS,
    });
    if (state.status === "completed") {
      const kept = await this.store(state.track.url, `${this.provider.name}/${jobId}`);
      await this.#rpc("complete_generation", job, completion({ ...state.track, url: kept }));
    } else if (state.status === "failed") {
      await this.#rpc("fail_generation", job, { p_error: state.error, p_retry: state.retry });
    }
  }

  /** Notes why the attempt failed; where the lease is over there is nothing to note. */
  async #failed(job: Job, error: unknown): Promise<void> {
    try {
      if (isOver(error)) return;
      await this.#rpc("fail_generation", job, failure(error));
    } catch (problem) {
      if (!isOver(problem)) console.error(problem);
    }
  }

  /** A sign of life; where the lease is over the next report will find out. */
  async #sign(job: Job): Promise<void> {
    try {
      await this.#rpc("heartbeat_generation", job, { p_lease_seconds: this.leaseSeconds });
    } catch (error) {
      if (!isOver(error)) throw error;
    }
  }

  #rpc(name: string, job: Job, args: Record<string, unknown>): Promise<unknown> {
    return this.database.rpc(name, { p_track_id: job.track_id, p_attempt: job.attempt, ...args });
  }
}

function completion(track: Track): Record<string, unknown> {
  return {
    p_url: track.url,
    p_duration: track.duration,
    p_title: track.title ?? null,
    p_explanation: track.explanation ?? null,
    p_genres: track.genres ?? null,
    p_tags: track.tags ?? null,
    p_embedding: track.embedding ?? null,
  };
}

/** Another worker has the track, or it is final or gone. */
function isOver(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 409 || error.status === 404);
}

function failure(error: unknown): Record<string, unknown> {
  if (error instanceof SourceError) {
    // What the provider finds wrong with the request, it will find wrong again.
    const wrong = error.status !== undefined && [400, 413, 422].includes(error.status);
    const pause = error.retryAfterMs === undefined ? null : Math.min(
      Math.ceil(error.retryAfterMs / 1000),
      LONGEST_PAUSE_SECONDS,
    );
    return { p_error: error.message, p_retry: !wrong, p_retry_after_seconds: pause };
  }
  if (error instanceof ApiError) return { p_error: `${error.code}: ${error.message}` };
  console.error(error);
  return { p_error: "the worker failed; its log has the cause" };
}
