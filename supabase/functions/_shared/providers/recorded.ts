// A provider that always has the same track ready: for demos, and for trying a project without keys.
import { Malformed } from "../sources/shape.ts";
import type { Job, Provider, Report } from "./types.ts";

export class Recorded implements Provider {
  readonly name = "recorded";
  readonly webhookSecrets = null;

  constructor(readonly url: string, readonly duration: number) {}

  start(job: Job): Promise<Report> {
    const track = { url: this.url, duration: this.duration, explanation: "A recorded track." };
    const jobId = `${job.track_id}/${job.attempt}`;
    return Promise.resolve({ jobId, state: { status: "completed", track } });
  }

  find(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  read(): Report {
    throw new Malformed("recorded tracks have no webhooks");
  }
}
