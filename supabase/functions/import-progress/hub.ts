// All streams of this function's instance, and the one poller that serves them.
//
// The updates of a job are numbered without gaps in the order in which they were committed, so a
// stream needs to remember nothing but the number of its last one. A poll asks for every watched
// job at once, from the oldest number that one of its streams has.
import { inBackground, sleep } from "../_shared/background.ts";
import type { Database } from "../_shared/database.ts";

export interface Update {
  job_id: string;
  update_no: number;
  stage: string;
  progress: number;
  message: string | null;
  error: string | null;
  estimated_time_remaining: number | null;
  updated_at: string;
  artist_id: string | null;
}

/** True when nothing comes after this update. */
export const isLast = (update: Update): boolean =>
  update.stage === "done" || update.stage === "failed";

/** One stream: what it wants to hear of. */
export interface Listener {
  jobId: string;
  /** Number of the last update that it has; null before the current state. */
  known: number | null;
  /** Called once for each update, in order. */
  update(update: Update): void;
  /** Called instead where there is no such job. */
  missing(): void;
}

/** PostgREST gives at most so many rows. */
const MOST = 1000;
/** Jobs that one request asks about; the rest follows in the next. */
const JOBS = 500;

export class Hub {
  readonly #listeners = new Set<Listener>();
  #polling = false;
  #wake = new AbortController();

  constructor(readonly database: Database, readonly interval: number) {}

  /** How many streams are open. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Begins to tell a listener; the first answer comes at once. */
  add(listener: Listener): void {
    this.#listeners.add(listener);
    if (listener.known === null) this.#wake.abort();
    if (!this.#polling) {
      this.#polling = true;
      inBackground(this.#poll());
    }
  }

  /** Tells a listener nothing more. */
  remove(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  async #poll(): Promise<void> {
    try {
      while (this.#listeners.size > 0) {
        this.#wake = new AbortController();
        // Streams that open together are served together.
        await sleep(5);
        const more = await this.#ask().catch((error) => {
          // The next poll asks for the same again.
          console.error(error);
          return false;
        });
        if (!more) await sleep(this.interval, this.#wake.signal);
      }
    } finally {
      this.#polling = false;
    }
  }

  /** Asks once about every job and passes the answers on; true when there is more to fetch. */
  async #ask(): Promise<boolean> {
    const asked = [...this.#listeners];
    // New listeners want the current state, the others what they lack: one job may have both.
    const fresh = asked.filter((one) => one.known === null);
    const waiting = asked.filter((one) => one.known !== null);
    let more = false;
    for (const group of [fresh, waiting]) {
      const jobs = new Map<string, Listener[]>();
      for (const one of group) jobs.set(one.jobId, [...jobs.get(one.jobId) ?? [], one]);
      for (const some of chunks([...jobs], JOBS)) {
        const after = some.map(([job, listeners]) => {
          const known = listeners.map((one) => one.known ?? Infinity);
          return [job, group === fresh ? null : Math.min(...known)];
        });
        const updates = await this.database.rpc<Update[]>("get_import_updates", {
          p_after: Object.fromEntries(after),
        });
        this.#tell(updates, new Map(some));
        more ||= updates.length === MOST;
      }
    }
    return more;
  }

  #tell(updates: Update[], listeners: Map<string, Listener[]>): void {
    const answered = new Set<string>();
    for (const update of updates) {
      answered.add(update.job_id);
      for (const one of listeners.get(update.job_id) ?? []) {
        if (!this.#listeners.has(one)) continue;
        if (one.known !== null && update.update_no <= one.known) continue;
        one.known = update.update_no;
        one.update(update);
      }
    }
    for (const [job, group] of listeners) {
      for (const one of group) {
        if (one.known === null && !answered.has(job) && this.#listeners.has(one)) one.missing();
      }
    }
  }
}

function chunks<T>(all: T[], size: number): T[][] {
  return Array.from(
    { length: Math.ceil(all.length / size) },
    (_, i) => all.slice(i * size, (i + 1) * size),
  );
}
