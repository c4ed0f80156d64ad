// A member's account elsewhere, as functions use it: tokens are read, decrypted, refreshed when they
// end, and stored again.
import type { Database } from "./database.ts";
import { ApiError } from "./errors.ts";
import { type Keyring, type Owner, type SealedTokens, type Tokens, Unreadable } from "./keyring.ts";
import { ConsentGone, type Grant, type Platform } from "./platforms/types.ts";
import { SourceError } from "./sources/http.ts";

interface StoredTokens extends SealedTokens {
  status: string;
  expires_at: string | null;
  version: number;
}

// A token that ends within this time is replaced before it is used.
const MARGIN_MS = 60_000;

/** Encrypts and stores what a platform granted; returns the connection. */
export async function storeGrant(
  database: Database,
  keyring: Keyring,
  owner: Owner,
  grant: Grant,
  expectedVersion: number | null = null,
): Promise<{ connection_id: string; version: number; expires_at: string | null }> {
  const sealed = await keyring.seal(grant, owner);
  const expiresAt = grant.expiresIn === null
    ? null
    : new Date(Date.now() + grant.expiresIn * 1000).toISOString();
  const [stored] = await database.rpc<{ connection_id: string; version: number }[]>(
    "store_oauth_tokens",
    {
      p_user_id: owner.userId,
      p_platform: owner.platform,
      p_access_token: sealed.access_token,
      p_refresh_token: sealed.refresh_token,
      p_key_id: sealed.key_id,
      p_expires_at: expiresAt,
      p_scopes: grant.scopes,
      p_expected_version: expectedVersion,
    },
  );
  return { ...stored!, expires_at: expiresAt };
}

/** One account with its tokens open. */
export class Account {
  private constructor(
    readonly owner: Owner,
    readonly platform: Platform,
    readonly database: Database,
    readonly keyring: Keyring,
  ) {}

  #tokens!: Tokens;
  #version!: number;
  #expiresAt!: number;

  /** Reads the tokens. Throws `ConsentGone` where the member must connect again, `Unreadable`. */
  static async open(
    owner: Owner,
    platform: Platform,
    database: Database,
    keyring: Keyring,
  ): Promise<Account> {
    const account = new Account(owner, platform, database, keyring);
    await account.#read();
    return account;
  }

  /** Does something with an access token that holds, as far as one can know; renews it once. */
  async use<T>(work: (accessToken: string) => Promise<T>): Promise<T> {
    if (this.#expiresAt < Date.now() + MARGIN_MS && this.#tokens.refreshToken) await this.#renew();
    try {
      return await work(this.#tokens.accessToken);
    } catch (error) {
      if (!this.#denied(error)) throw error;
    }
    await this.#renew();
    try {
      return await work(this.#tokens.accessToken);
    } catch (error) {
      if (!this.#denied(error)) throw error;
      await this.#setExpired();
      throw new ConsentGone(`${this.owner.platform}: a new token is refused too`);
    }
  }

  #denied(error: unknown): boolean {
    return error instanceof SourceError && error.status === this.platform.deniedStatus;
  }

  async #read(): Promise<void> {
    const [stored] = await this.database.rpc<StoredTokens[]>("get_oauth_tokens", {
      p_user_id: this.owner.userId,
      p_platform: this.owner.platform,
    });
    if (stored!.status !== "active") {
      throw new ConsentGone(`${this.owner.platform}: the connection is ${stored!.status}`);
    }
    this.#version = stored!.version;
    try {
      this.#tokens = await this.keyring.open(stored!, this.owner);
    } catch (error) {
      // A key that is missing may come back; a ciphertext that its key does not open will not.
      if (error instanceof Unreadable && error.code === "token_unreadable") {
        await this.#setExpired();
      }
      throw error;
    }
    this.#expiresAt = stored!.expires_at ? Date.parse(stored!.expires_at) : Infinity;
  }

  /** New tokens: the platform's, or those that somebody else has stored meanwhile. */
  async #renew(): Promise<void> {
    const { refreshToken } = this.#tokens;
    let grant: Grant;
    try {
      if (refreshToken === null) throw new ConsentGone(`${this.owner.platform}: no refresh token`);
      grant = await this.platform.refresh(refreshToken);
    } catch (error) {
      if (!(error instanceof ConsentGone)) throw error;
      // Platforms that replace refresh tokens refuse the one that another worker has just used.
      const version = this.#version;
      await this.#read();
      if (this.#version !== version) return;
      await this.#setExpired();
      throw error;
    }
    // The old refresh token is encrypted again where no new one came, so that both have one key.
    const granted = { ...grant, refreshToken: grant.refreshToken ?? refreshToken };
    try {
      const { database, keyring, owner } = this;
      const stored = await storeGrant(database, keyring, owner, granted, this.#version);
      this.#tokens = granted;
      this.#version = stored.version;
      this.#expiresAt = stored.expires_at ? Date.parse(stored.expires_at) : Infinity;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
      await this.#read();
    }
  }

  #setExpired(): Promise<void> {
    return this.database.rpc("set_oauth_status", {
      p_user_id: this.owner.userId,
      p_platform: this.owner.platform,
      p_status: "expired",
      p_version: this.#version,
    });
  }
}
