// Services that make tracks: what they are asked, and what they report.
import type { Json } from "../sources/shape.ts";

/** A request as the RPC claim_generation_jobs hands it out; `attempt` is the number of the lease. */
export interface Job {
  track_id: string;
  user_id: string;
  attempt: number;
  mode: string;
  title: string;
  parameters: Json;
  genres: string[];
  tags: string[];
  source_url: string | null;
  source_external_id: string | null;
  preferences: Json | null;
  provider: string | null;
  provider_job_id: string | null;
}

/** A track that is there. */
export interface Track {
  url: string;
  duration: number;
  title?: string;
  explanation?: string;
  genres?: string[];
  tags?: string[];
  /** 768 numbers, where the provider knows what it sounds like. */
  embedding?: number[];
}

/** How a provider's job stands. */
export type State =
  | { status: "progress"; progress: number | null }
  | { status: "completed"; track: Track }
  | { status: "failed"; error: string; retry: boolean };

/** A provider's job, and how it stands. */
export interface Report {
  jobId: string;
  state: State;
}

/** One of the providers in medley.music_providers that make tracks. */
export interface Provider {
  readonly name: string;
  /** What its webhooks are signed with; null where it sends none. */
  readonly webhookSecrets: readonly string[] | null;
  /** Begins a track; reports go to `webhook`. Throws `SourceError`. */
  start(job: Job, webhook: string): Promise<Report>;
  /** A job of an earlier attempt; undefined where it is not known any more. */
  find(jobId: string): Promise<Report | undefined>;
  /** What a webhook says; throws `Malformed`. */
  read(body: unknown): Report;
}
