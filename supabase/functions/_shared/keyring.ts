// Tokens at rest: AES-256-GCM, base64 of nonce, ciphertext and tag. A ciphertext is bound to its
// member, platform and purpose, so that it opens in no other row. The database sees ciphertext and
// the id of the key, never a key.
import { ApiError } from "./errors.ts";

/** What opens an account elsewhere. */
export interface Tokens {
  accessToken: string;
  refreshToken: string | null;
}

/** Tokens as they are stored. */
export interface SealedTokens {
  access_token: string;
  refresh_token: string | null;
  key_id: string;
}

/** Whose tokens they are. */
export interface Owner {
  userId: string;
  platform: string;
}

/** Tokens that cannot be read: their key is not among the secrets, or does not fit. */
export class Unreadable extends Error {
  constructor(readonly code: "key_missing" | "token_unreadable", message: string) {
    super(message);
  }
}

const NONCE_BYTES = 12;
const KEY_BYTES = 32;

/** The keys by id: one encrypts, all decrypt. */
export class Keyring {
  private constructor(
    readonly current: string,
    readonly keys: ReadonlyMap<string, CryptoKey>,
  ) {}

  /** From JSON of id to base64 of 32 bytes; `current` may be left out where there is one key. */
  static async of(json: string | undefined, current: string | undefined): Promise<Keyring> {
    const keys = new Map<string, CryptoKey>();
    for (const [id, value] of Object.entries(parsed(json))) keys.set(id, await imported(id, value));
    const [only] = keys.size === 1 ? keys.keys() : [];
    const chosen = current || only;
    if (!chosen || !keys.has(chosen)) {
      throw notConfigured("OAUTH_KEY_ID must name one of the keys in OAUTH_KEYS");
    }
    return new Keyring(chosen, keys);
  }

  /** Encrypts with the current key. */
  async seal(tokens: Tokens, owner: Owner): Promise<SealedTokens> {
    const key = this.keys.get(this.current)!;
    const { accessToken, refreshToken } = tokens;
    return {
      access_token: await encrypted(key, accessToken, bound(owner, "access")),
      refresh_token: refreshToken === null
        ? null
        : await encrypted(key, refreshToken, bound(owner, "refresh")),
      key_id: this.current,
    };
  }

  /** Decrypts with the key that the tokens name; throws `Unreadable`. */
  async open(sealed: SealedTokens, owner: Owner): Promise<Tokens> {
    const key = this.keys.get(sealed.key_id);
    if (!key) throw new Unreadable("key_missing", `OAUTH_KEYS has no key ${sealed.key_id}`);
    try {
      return {
        accessToken: await decrypted(key, sealed.access_token, bound(owner, "access")),
        refreshToken: sealed.refresh_token === null
          ? null
          : await decrypted(key, sealed.refresh_token, bound(owner, "refresh")),
      };
    } catch {
      // WebCrypto does not say why, and nobody needs to know.
      throw new Unreadable("token_unreadable", `key ${sealed.key_id} does not open the tokens`);
    }
  }
}

/** The keys of this project, by its secrets OAUTH_KEYS and OAUTH_KEY_ID. */
export function configuredKeyring(): Promise<Keyring> {
  return Keyring.of(Deno.env.get("OAUTH_KEYS"), Deno.env.get("OAUTH_KEY_ID"));
}

function parsed(json: string | undefined): Record<string, unknown> {
  if (!json) throw notConfigured("OAUTH_KEYS is not set");
  try {
    const found: unknown = JSON.parse(json);
    if (typeof found === "object" && found !== null && !Array.isArray(found)) {
      return found as Record<string, unknown>;
    }
  } catch {
    // Said below, without the secret.
  }
  throw notConfigured("OAUTH_KEYS must be a JSON object of key ids and keys");
}

async function imported(id: string, value: unknown): Promise<CryptoKey> {
  const bytes = typeof value === "string" ? fromBase64(value) : undefined;
  if (!/^[\w.-]{1,100}$/.test(id) || bytes?.length !== KEY_BYTES) {
    throw notConfigured(`the key ${id} in OAUTH_KEYS must be base64 of ${KEY_BYTES} bytes`);
  }
  return await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}

function notConfigured(message: string): ApiError {
  return new ApiError(
    503,
    "not_configured",
    message,
    "Set the secrets that docs/studio.md names; `openssl rand -base64 32` makes a key.",
  );
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const bound = ({ userId, platform }: Owner, purpose: string) =>
  utf8(`${userId}/${platform}/${purpose}`);

async function encrypted(
  key: CryptoKey,
  token: string,
  additionalData: BufferSource,
): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const algorithm = { name: "AES-GCM", iv, additionalData };
  const body = await crypto.subtle.encrypt(algorithm, key, utf8(token));
  return btoa(String.fromCharCode(...iv, ...new Uint8Array(body)));
}

async function decrypted(
  key: CryptoKey,
  sealed: string,
  additionalData: BufferSource,
): Promise<string> {
  const bytes = fromBase64(sealed) ?? new Uint8Array();
  const algorithm = { name: "AES-GCM", iv: bytes.slice(0, NONCE_BYTES), additionalData };
  const body = await crypto.subtle.decrypt(algorithm, key, bytes.slice(NONCE_BYTES));
  return new TextDecoder("utf-8", { fatal: true }).decode(body);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
