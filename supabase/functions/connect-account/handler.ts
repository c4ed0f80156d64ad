// A member's consent becomes tokens, which are encrypted before they are stored.
import { storeGrant } from "../_shared/account.ts";
import { callerOf } from "../_shared/caller.ts";
import { type Database, databaseOf } from "../_shared/database.ts";
import { jsonBody } from "../_shared/endpoint.ts";
import type { Project } from "../_shared/environment.ts";
import { ApiError, invalidArgument } from "../_shared/errors.ts";
import { configuredKeyring } from "../_shared/keyring.ts";
import { configuredPlatforms, platformNotConfigured } from "../_shared/platforms/configured.ts";
import {
  type Consent,
  ConsentGone,
  type Grant,
  type Platform,
} from "../_shared/platforms/types.ts";
import { SourceError } from "../_shared/sources/http.ts";

const KNOWN = ["spotify", "apple", "youtube"];

export function handler(
  project: Project,
  database: Database = databaseOf(project),
  platforms = configuredPlatforms(),
): (request: Request) => Promise<Response> {
  return async (request) => {
    const caller = await callerOf(request, project);
    if (caller.service) {
      throw new ApiError(
        403,
        "forbidden",
        "only members connect accounts",
        "Call with the member's token.",
      );
    }
    const body = await jsonBody(request);
    const name = textOf(body, "platform") ?? "";
    if (!KNOWN.includes(name)) {
      throw invalidArgument("platform", "no such platform", `Pass one of ${KNOWN.join(", ")}.`);
    }
    const platform = platforms.get(name);
    if (!platform) throw platformNotConfigured(name);
    // First, so that no code is used up for nothing.
    const keyring = await configuredKeyring();
    const grant = await granted(platform, consentOf(body));
    const owner = { userId: caller.userId, platform: name };
    const stored = await storeGrant(database, keyring, owner, grant);
    return Response.json({
      connection_id: stored.connection_id,
      platform: name,
      expires_at: stored.expires_at,
      scopes: grant.scopes ?? [],
    }, { status: 201 });
  };
}

async function granted(platform: Platform, consent: Consent): Promise<Grant> {
  try {
    return await platform.connect(consent);
  } catch (error) {
    if (error instanceof ConsentGone) {
      throw invalidArgument(
        "code",
        "the code is not, or no longer, good",
        "Send the member to the platform again; a code works once, within minutes.",
      );
    }
    if (error instanceof SourceError) {
      throw new ApiError(503, error.code, error.message, "Let the member connect again later.");
    }
    throw error;
  }
}

function consentOf(body: Record<string, unknown>): Consent {
  const [code, redirectUri] = [textOf(body, "code"), textOf(body, "redirect_uri")];
  const [codeVerifier, userToken] = [textOf(body, "code_verifier"), textOf(body, "user_token")];
  return {
    ...(code && { code }),
    ...(redirectUri && { redirectUri }),
    ...(codeVerifier && { codeVerifier }),
    ...(userToken && { userToken }),
  };
}

function textOf(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string" || value.length > 4000) {
    throw invalidArgument(name, `${name} must be a text of at most 4,000 characters`);
  }
  return value;
}
