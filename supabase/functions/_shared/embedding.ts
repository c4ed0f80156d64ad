// Models that make vectors of texts. Vectors of two models never compare, so a model has a name.
import { ApiError } from "./errors.ts";

/** Numbers in a text's vector: what medley.content_embeddings keeps in embedding_384. */
export const TEXT_DIMS = 384;

/** A model, with the name under which its vectors are kept. */
export interface EmbeddingModel {
  readonly name: string;
  /** The vector of a text: `TEXT_DIMS` numbers. */
  embed(text: string): Promise<number[]>;
}

interface Session {
  run(input: string, options: { mean_pool: boolean; normalize: boolean }): Promise<number[]>;
}

// What hosted has, and `supabase functions serve`; plain Deno has not.
declare const Supabase: { ai: { Session: new (model: string) => Session } } | undefined;

const MAKERS: Record<string, () => EmbeddingModel | undefined> = {
  "gte-small"() {
    if (typeof Supabase === "undefined") return undefined;
    const session = new Supabase.ai.Session("gte-small");
    return {
      name: "gte-small",
      embed: (text) => session.run(text, { mean_pool: true, normalize: true }),
    };
  },
  words: () => ({ name: "words", embed: (text) => Promise.resolve(words(text)) }),
};

/** The model that EMBEDDING_MODEL names: gte-small where nothing is said. */
export function chosenModel(): EmbeddingModel {
  const name = Deno.env.get("EMBEDDING_MODEL") || "gte-small";
  const model = Object.hasOwn(MAKERS, name) ? MAKERS[name]!() : undefined;
  if (model) return model;
  throw new ApiError(
    503,
    "not_configured",
    `the model ${name} is not there`,
    "gte-small comes with Supabase's runtime; elsewhere use `medley embed`, or set EMBEDDING_MODEL.",
  );
}

/**
 * Words, hashed to places and signs (Weinberger et al. 2009): texts with words in common are near,
 * and nothing else is known of language. For trials where there is no model.
 */
function words(text: string): number[] {
  const vector = new Array<number>(TEXT_DIMS).fill(0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text]) {
    const hash = fnv1a(word);
    vector[(hash >>> 1) % TEXT_DIMS]! += hash & 1 ? 1 : -1;
  }
  // Words that cancel each other out leave nothing: any fixed direction will do.
  if (!vector.some((number) => number !== 0)) vector[0] = 1;
  return vector;
}

/** 32 bits of a text (FNV-1a, mixed at the end so that the low bits are as good as the others). */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
