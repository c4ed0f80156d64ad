// Reading answers whose form nobody guarantees: what must be there throws, the rest is optional.

export type Json = Record<string, unknown>;

/** An answer lacks what it must have. */
export class Malformed extends Error {}

/** An object. */
export function object(value: unknown, name: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new Malformed(`${name} is not an object`);
}

/** The objects of a list; null entries, which some sources send, are left out. */
export function objects(value: unknown, name: string): Json[] {
  if (!Array.isArray(value)) throw new Malformed(`${name} is not a list`);
  return value.filter((entry) => entry !== null).map((entry) =>
    object(entry, `an entry of ${name}`)
  );
}

/** An object that may be missing. */
export function maybe(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Json : {};
}

/** The objects of a list that may be missing. */
export function several(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(maybe) : [];
}

/** A text that is not empty, without what a database refuses (NUL, half characters). */
export function text(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  return value.replaceAll("\0", "").toWellFormed().trim() || undefined;
}

/** A finite number, also one written as text. */
export function number(value: unknown): number | undefined {
  const found = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
}

/** Names are compared without case, accents, punctuation and spaces. */
export function sameName(a: string, b: string): boolean {
  const key = (name: string) => name.normalize("NFKD").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  return key(a) === key(b) && (key(a) !== "" || a === b);
}

/** Without what is not known. */
export function defined<T extends Record<string, unknown>>(
  row: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
