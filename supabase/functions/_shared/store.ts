// Where finished audio is kept. Providers delete theirs within hours.
import { bounded } from "./bounded.ts";
import type { Project } from "./environment.ts";
import { SourceError } from "./sources/http.ts";

/** Keeps the audio at an address under a name; returns the address that lasts. */
export type Store = (url: string, name: string) => Promise<string>;

const MAX_BYTES = 100_000_000;
const TIMEOUT_MS = 60_000;

/**
 * Copies into a public bucket of Supabase Storage; without a bucket the provider's address stays.
 * A name is an id that nobody guesses. To repeat it writes the same again.
 */
export function storeOf(project: Project, bucket: string | undefined): Store {
  if (!bucket) return (url) => Promise.resolve(url);
  return async (url, name) => {
    const audio = await fetched(url);
    const path = `${bucket}/${name.split("/").map(encodeURIComponent).join("/")}`;
    const answer = await asked(`${project.url}/storage/v1/object/${path}`, {
      method: "POST",
      headers: {
        apikey: project.secretKey,
        authorization: `Bearer ${project.secretKey}`,
        "content-type": audio.type || "audio/mpeg",
        "x-upsert": "true",
      },
      body: audio,
    });
    await answer.body?.cancel();
    if (!answer.ok) {
      throw problem("source_unavailable", `HTTP status ${answer.status} for an upload`);
    }
    return `${project.url}/storage/v1/object/public/${path}`;
  };
}

async function fetched(url: string): Promise<Blob> {
  const answer = await asked(url, {});
  if (!answer.ok) {
    await answer.body?.cancel();
    throw problem("source_unavailable", `HTTP status ${answer.status} for the audio`);
  }
  const audio = await bounded(answer.body, MAX_BYTES);
  if (!audio) throw problem("source_too_large", `audio of more than ${MAX_BYTES} bytes`);
  if (audio.size === 0) throw problem("source_malformed", "the audio is empty");
  return new Blob([audio], { type: answer.headers.get("content-type") ?? "" });
}

async function asked(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw problem("source_unavailable", "no answer");
  }
}

function problem(code: SourceError["code"], message: string): SourceError {
  return new SourceError(code, "Storage", message);
}
