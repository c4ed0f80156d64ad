// Works on one import: takes the job up, asks the sources stage by stage, hands what they say to the
// database, which alone decides what is written and what comes next.
import { inBackground, sleep } from "../_shared/background.ts";
import type { Database } from "../_shared/database.ts";
import { ApiError } from "../_shared/errors.ts";
import { SourceError } from "../_shared/sources/http.ts";
import type { ArtistIds, ArtistRow, ArtistSource, Batch } from "../_shared/sources/types.ts";

interface Claim {
  lease: string | null;
  lease_seconds: number;
  stage: string;
  request: ArtistIds;
  wait_seconds: number | null;
}

/** What a stage's call answers; the first two stages answer the stage alone. */
type StageAnswer = string | { stage: string }[];

/** Ends when the job is done or failed, or somebody else works on it. */
export async function work(
  jobId: string,
  database: Database,
  sourcesFor: (signal: AbortSignal) => ArtistSource[],
): Promise<void> {
  const claim = await claimed(jobId, database);
  if (claim?.lease) await new Worker(jobId, claim, claim.lease, database, sourcesFor).run();
}

/** The job, once its present holder falls silent; nothing where that one goes on or ends it. */
async function claimed(jobId: string, database: Database): Promise<Claim | undefined> {
  const claim = async () => (await database.rpc<Claim[]>("claim_import", { p_job_id: jobId }))[0];
  const first = await claim();
  if (!first || first.lease || first.wait_seconds === null) return first;
  await sleep((first.wait_seconds + 0.5 * Math.random()) * 1000);
  return await claim();
}

/** Two sources on one artist: where both answer, the first counts. */
function merged(first: ArtistRow | null, second: ArtistRow): ArtistRow {
  if (!first) return second;
  return {
    ...second,
    ...first,
    name: first.name || second.name,
    genres: (first.genres?.length ? first.genres : second.genres) ?? [],
    external_urls: { ...second.external_urls, ...first.external_urls },
  };
}

/** Somebody else holds the job, or it is gone: what happens to it is not ours to say. */
const isOthers = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 409 || error.status === 404);

class Worker {
  readonly #stop = new AbortController();
  readonly #sources: ArtistSource[];
  #ids: ArtistIds;

  constructor(
    readonly jobId: string,
    readonly claim: Claim,
    readonly lease: string,
    readonly database: Database,
    sourcesFor: (signal: AbortSignal) => ArtistSource[],
  ) {
    this.#ids = claim.request;
    this.#sources = sourcesFor(this.#stop.signal);
  }

  async run(): Promise<void> {
    const signs = setInterval(
      () => inBackground(this.#sign()),
      this.claim.lease_seconds * 1000 / 3,
    );
    try {
      let stage = this.claim.stage;
      while (stage !== "done" && stage !== "failed") stage = await this.#do(stage);
      if (stage === "done") await this.#rpc("finish_import", {});
    } catch (error) {
      await this.#fail(error);
    } finally {
      clearInterval(signs);
      this.#stop.abort();
    }
  }

  /** Does one stage; returns the next. */
  async #do(stage: string): Promise<string> {
    let answer: StageAnswer;
    switch (stage) {
      case "identify":
        answer = await this.#rpc("identify_import", { p_ids: await this.#identify() });
        break;
      case "artist":
        answer = await this.#rpc("import_artist", { p_artist: await this.#artist() });
        break;
      case "songs":
      case "events":
      case "setlists":
        answer = await this.#rpc(`import_${stage}`, { [`p_${stage}`]: await this.#collect(stage) });
        break;
      default:
        throw new ApiError(500, "internal", `this worker does not know the stage ${stage}`);
    }
    return typeof answer === "string" ? answer : answer[0]!.stage;
  }

  /** The artist's ids: each source is asked with what those before it knew. */
  async #identify(): Promise<ArtistIds> {
    let ids = this.#ids;
    const found: ArtistIds = {};
    for (const [index, source] of this.#sources.entries()) {
      await this.#report(index / this.#sources.length, `Asking ${source.name} who that is.`);
      const known = await source.identify(ids);
      Object.assign(found, known);
      ids = { ...known, ...ids };
    }
    if (!found.spotify_id && !found.ticketmaster_id && !found.musicbrainz_id) {
      const asked = this.#sources.map((source) => source.name).join(", ");
      const name = ids.name ?? ids.spotify_id ?? ids.ticketmaster_id;
      throw new ApiError(404, "artist_not_found", `${asked}: no artist ${name}`);
    }
    this.#ids = { ...found, ...this.#ids };
    return found;
  }

  /** What the sources say of the artist. */
  async #artist(): Promise<ArtistRow | null> {
    await this.#report(0, "Reading the artist.");
    let all: ArtistRow | null = null;
    for (const source of this.#sources) {
      const one = await source.artist?.(this.#ids);
      if (one) all = merged(all, one);
    }
    return all;
  }

  /** All rows of a stage, or null where no source has such rows. */
  async #collect(stage: "songs" | "events" | "setlists"): Promise<unknown[] | null> {
    const source = this.#sources.find((one) => one[stage]);
    if (!source) return null;
    const rows: unknown[] = [];
    await this.#report(0, `Reading ${stage} from ${source.name}.`);
    const batches = source[stage]!(this.#ids) as AsyncIterable<Batch<unknown>>;
    for await (const batch of batches) {
      rows.push(...batch.rows);
      await this.#report(batch.done, `Reading ${stage} from ${source.name}: ${rows.length}.`);
    }
    return rows;
  }

  /** A sign of life, so that nobody takes the job over. */
  async #sign(): Promise<void> {
    try {
      await this.#rpc("report_import_progress", {});
    } catch (error) {
      if (!isOthers(error)) throw error;
      this.#stop.abort(error);
    }
  }

  #report(done: number, message: string): Promise<void> {
    // Writing the rows comes after reading them.
    return this.#rpc("report_import_progress", { p_done: done * 0.9, p_message: message });
  }

  async #rpc<T>(name: string, args: Record<string, unknown>): Promise<T> {
    this.#stop.signal.throwIfAborted();
    return await this.database.rpc<T>(name, { p_job_id: this.jobId, p_lease: this.lease, ...args });
  }

  /** Notes why the job cannot go on; where the job is no longer ours there is nothing to note. */
  async #fail(error: unknown): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const known = error instanceof SourceError || error instanceof ApiError;
    if (!known) console.error(error);
    const code = known && /^[a-z_]+$/.test(error.code) ? error.code : "internal";
    const reason = known ? error.message : "the worker failed; its log has the cause";
    await this.#rpc("fail_import", { p_code: code, p_reason: reason }).catch((problem) => {
      if (!isOthers(problem)) throw problem;
    });
  }
}
