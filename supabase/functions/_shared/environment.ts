// What hosted sets for every function: the project's address and its keys.

/** A variable that must be there. */
export function required(name: string): string {
  const value = Deno.env.get(name);
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

/** A variable that is a number, or its default. */
export function numberOr(name: string, fallback: number): number {
  const value = Number(Deno.env.get(name) || NaN);
  return Number.isFinite(value) ? value : fallback;
}

/** The project's API. */
export interface Project {
  url: string;
  publishableKey: string;
  /** The key that functions use, and all others that count as the service's. */
  secretKey: string;
  secretKeys: readonly string[];
}

/** The project that this function runs in. */
export function project(): Project {
  const secret = keys("SUPABASE_SECRET_KEYS", "SUPABASE_SERVICE_ROLE_KEY");
  const publishable = keys("SUPABASE_PUBLISHABLE_KEYS", "SUPABASE_ANON_KEY");
  return {
    url: required("SUPABASE_URL"),
    publishableKey: publishable[0]!,
    secretKey: secret[0]!,
    secretKeys: secret,
  };
}

/** The keys of a project: named ones as JSON, `default` first; and the one of older projects. */
function keys(named: string, legacy: string): string[] {
  const { default: first, ...others } = JSON.parse(Deno.env.get(named) || "{}");
  const found = [first, ...Object.values(others), Deno.env.get(legacy)];
  const known = found.filter((key): key is string => typeof key === "string" && key !== "");
  if (known.length === 0) throw new Error(`neither ${named} nor ${legacy} is set`);
  return known;
}
