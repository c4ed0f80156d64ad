// Work that goes on after the answer.
declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void } | undefined;

/** Keeps the function alive for `work` where it runs hosted; elsewhere the process lives anyway. */
export function inBackground(work: Promise<unknown>): void {
  const logged = work.catch((error) => console.error(error));
  if (typeof EdgeRuntime !== "undefined") EdgeRuntime.waitUntil(logged);
}

/** Waits; an abort ends it early without an error. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
