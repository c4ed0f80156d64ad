// Asking an outside service politely: spaced requests, bounded patience, bounded answers.
import { sleep } from "../background.ts";
import { bounded } from "../bounded.ts";
import { Malformed } from "./shape.ts";

/** Why a source gave no answer that can be used. */
export type SourceProblem =
  | "source_unavailable" // no answer, or only 5xx, after all attempts
  | "source_throttled" // it asks to wait longer than an import may
  | "source_refused" // the key is wrong, or lacks rights
  | "source_malformed" // an answer that is not what its documentation promises
  | "source_too_large"; // more than an import takes

/** A failure of one source; `retryAfterMs` where it says when to come back, `status` where it refused. */
export class SourceError extends Error {
  constructor(
    readonly code: SourceProblem,
    readonly source: string,
    message: string,
    readonly retryAfterMs?: number,
    readonly status?: number,
  ) {
    super(`${source}: ${message}`);
  }
}

/** How to reach a source. Times in milliseconds. */
export interface Limits {
  /** Least time between the starts of two requests. */
  interval: number;
  /** For one request, its body included. */
  timeout: number;
  /** Requests before giving up. */
  attempts: number;
  /** The longest wait that is worth it; after that the job fails and can be started again. */
  patience: number;
  /** Bytes of one answer. */
  maxBytes: number;
}

export const LIMITS: Limits = {
  interval: 100,
  timeout: 15_000,
  attempts: 5,
  patience: 30_000,
  maxBytes: 10_000_000,
};

const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Requests to one source, one after the other. */
export class SourceClient {
  #free = Promise.resolve();

  constructor(
    readonly source: string,
    readonly base: string,
    readonly limits: Limits,
    readonly signal?: AbortSignal,
  ) {}

  /** What `read` makes of a path's answer; `undefined` for 404. */
  async get<T>(
    path: string,
    read: (body: unknown) => T,
    init?: RequestInit,
  ): Promise<T | undefined> {
    const body = await this.#json(path, init);
    try {
      return body === undefined ? undefined : read(body);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw this.#problem("source_malformed", `${error.message} in the answer to ${pathOf(path)}`);
    }
  }

  async #json(path: string, init: RequestInit = {}): Promise<unknown> {
    const where = pathOf(path);
    for (let attempt = 1;; attempt++) {
      await this.#turn();
      const { body, error, wait } = await this.#ask(path, init, where, attempt);
      if (!error) return body;
      if (wait === undefined || attempt >= this.limits.attempts) throw error;
      await sleep(wait, this.signal);
    }
  }

  /** Waits until a request may start. */
  #turn(): Promise<void> {
    const turn = this.#free;
    this.#free = turn.then(() => sleep(this.limits.interval, this.signal));
    return turn;
  }

  async #ask(
    path: string,
    init: RequestInit,
    where: string,
    attempt: number,
  ): Promise<{ body?: unknown; error?: SourceError; wait?: number }> {
    this.signal?.throwIfAborted();
    const deadline = AbortSignal.timeout(this.limits.timeout);
    const signal = this.signal ? AbortSignal.any([deadline, this.signal]) : deadline;
    try {
      const answer = await fetch(this.base + path, { ...init, signal, redirect: "error" });
      if (answer.ok) return { body: await this.#read(answer, where) };
      await answer.body?.cancel();
      if (answer.status === 404) return {};
      return this.#refusal(answer, where, attempt);
    } catch (error) {
      if (error instanceof SourceError) return { error };
      this.signal?.throwIfAborted();
      const reason = deadline.aborted
        ? `no answer to ${where} within ${this.limits.timeout / 1000} s`
        : `no answer to ${where}`;
      return { error: this.#problem("source_unavailable", reason), wait: backoff(attempt) };
    }
  }

  #refusal(
    answer: Response,
    where: string,
    attempt: number,
  ): { error: SourceError; wait?: number } {
    const { status } = answer;
    if (!TRANSIENT.has(status)) {
      const refused = status === 401 || status === 403;
      return {
        error: this.#problem(
          refused ? "source_refused" : "source_malformed",
          `HTTP status ${status} for ${where}`,
          undefined,
          status,
        ),
      };
    }
    const asked = retryAfter(answer.headers.get("retry-after"));
    if (asked !== undefined && asked > this.limits.patience) {
      const seconds = Math.ceil(asked / 1000);
      return { error: this.#problem("source_throttled", `asks to wait ${seconds} s`, asked) };
    }
    const code = status === 429 ? "source_throttled" : "source_unavailable";
    const wait = Math.max(asked ?? 0, backoff(attempt));
    return { error: this.#problem(code, `HTTP status ${status} for ${where}`, asked), wait };
  }

  async #read(answer: Response, where: string): Promise<unknown> {
    const { maxBytes } = this.limits;
    const body = await bounded(answer.body, maxBytes);
    if (!body) throw this.#problem("source_too_large", `more than ${maxBytes} bytes for ${where}`);
    try {
      return JSON.parse(await body.text());
    } catch {
      throw this.#problem("source_malformed", `the answer to ${where} is not JSON`);
    }
  }

  #problem(
    code: SourceProblem,
    message: string,
    retryAfterMs?: number,
    status?: number,
  ): SourceError {
    return new SourceError(code, this.source, message, retryAfterMs, status);
  }
}

/** A path without its query, which may hold a key. */
const pathOf = (path: string): string => path.split("?")[0]!;

/** 0.5 s, 1 s, 2 s ... up to 10 s, half of it at random so that clients do not return in step. */
export function backoff(attempt: number): number {
  const most = Math.min(500 * 2 ** (attempt - 1), 10_000);
  return most / 2 + Math.random() * most / 2;
}

/** Milliseconds of a Retry-After header, which has seconds or a date. */
export function retryAfter(header: string | null, now: number = Date.now()): number | undefined {
  if (!header) return undefined;
  const seconds = Number(header);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now;
  return Number.isFinite(wait) ? Math.max(wait, 0) : undefined;
}
