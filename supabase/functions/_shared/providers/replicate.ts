// Models that Replicate hosts: a prediction is a job, and its webhooks bring the whole prediction.
import { SourceClient, SourceError } from "../sources/http.ts";
import { type Json, Malformed, maybe, number, object, text } from "../sources/shape.ts";
import type { Job, Provider, Report, State } from "./types.ts";

const USUAL_SECONDS = 30;

/** How Replicate is asked; `version` names the model. */
export interface ReplicateOptions {
  token: string;
  version: string;
  /** Longer tracks are cut to this: providers charge by time. */
  maxSeconds: number;
  webhookSecrets: readonly string[];
}

export class Replicate implements Provider {
  readonly name = "replicate";
  readonly webhookSecrets: readonly string[];

  /** `client` must ask once: a prediction that is begun twice is paid twice. */
  constructor(readonly client: SourceClient, readonly options: ReplicateOptions) {
    this.webhookSecrets = options.webhookSecrets;
  }

  async start(job: Job, webhook: string): Promise<Report> {
    const report = await this.client.get("/v1/predictions", (body) => this.read(body), {
      method: "POST",
      headers: { ...this.#headers(), "content-type": "application/json" },
      body: JSON.stringify({
        version: this.options.version,
        input: inputOf(job, this.options.maxSeconds),
        webhook,
        webhook_events_filter: ["start", "logs", "completed"],
      }),
    });
    if (!report) throw new SourceError("source_refused", this.client.source, "knows no such model");
    return report;
  }

  find(jobId: string): Promise<Report | undefined> {
    const path = `/v1/predictions/${encodeURIComponent(jobId)}`;
    return this.client.get(path, (body) => this.read(body), { headers: this.#headers() });
  }

  read(body: unknown): Report {
    const prediction = object(body, "a prediction");
    const jobId = text(prediction.id);
    if (!jobId) throw new Malformed("a prediction has no id");
    return { jobId, state: stateOf(prediction) };
  }

  #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.options.token}` };
  }
}

/** The model's input: the member's own parameters, and a prompt where they have none. */
function inputOf(job: Job, maxSeconds: number): Json {
  const asked = number(job.parameters.duration) ?? USUAL_SECONDS;
  const words = [text(job.parameters.prompt) ?? job.title, ...job.genres, ...job.tags];
  return {
    ...job.parameters,
    duration: Math.min(Math.max(Math.round(asked), 1), maxSeconds),
    prompt: words.join(", "),
    // By the name that most music models give what they continue.
    ...(job.source_url && { input_audio: job.source_url, continuation: job.mode === "extend" }),
  };
}

function stateOf(prediction: Json): State {
  const status = text(prediction.status);
  switch (status) {
    case "starting":
    case "processing":
      return { status: "progress", progress: progressOf(text(prediction.logs) ?? "") };
    case "succeeded": {
      const track = trackOf(prediction);
      return track
        ? { status: "completed", track }
        : { status: "failed", error: "the model gave no audio", retry: true };
    }
    case "failed":
      return { status: "failed", error: text(prediction.error) ?? "the model failed", retry: true };
    case "canceled":
    case "aborted":
      return { status: "failed", error: "the prediction was canceled", retry: false };
  }
  throw new Malformed(`a prediction has the status ${status}`);
}

/** The output is an address, a list of them, or an object with one under `audio`. */
function trackOf(prediction: Json): { url: string; duration: number } | undefined {
  const { output } = prediction;
  const url = text(output) ?? text(Array.isArray(output) ? output[0] : maybe(output).audio);
  if (!url || !/^https?:/.test(url)) return undefined;
  // Predictions do not say how long the audio is, but they say how long it was to be.
  const duration = number(maybe(output).duration) ?? number(maybe(prediction.input).duration);
  return { url, duration: Math.max(1, Math.round(duration ?? USUAL_SECONDS)) };
}

/** The last percentage in what the model has printed. */
function progressOf(logs: string): number | null {
  const last = logs.slice(-2000).match(/(?:\d+)(?=%)/g)?.at(-1);
  return last === undefined ? null : Math.min(Number(last), 99);
}
