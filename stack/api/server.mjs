// The REST and auth API of the local stack: @supabase/lite on its postgres driver,
// made to behave like a hosted project where it does not by itself; and the edge functions.
//
// Environment: MEDLEY_DB_URL (role postgres), MEDLEY_API_PORT, MEDLEY_API_SCHEMAS,
// MEDLEY_PUBLISHABLE_KEY, MEDLEY_SECRET_KEY, MEDLEY_JWT_SECRET, MEDLEY_FUNCTIONS (folder),
// MEDLEY_FUNCTIONS_ENV (file with the functions' secrets; need not exist).
import { serve } from "@hono/node-server";
import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import { sql } from "kysely";
import { handleAdminRequest, isAdminRequest } from "./admin.mjs";
import { asPostgrestError } from "./errors.mjs";
import { edgeFunctions } from "./functions.mjs";
import { types } from "./types.mjs";

const {
  MEDLEY_DB_URL: url,
  MEDLEY_API_PORT: port,
  MEDLEY_API_SCHEMAS: schemas,
  MEDLEY_PUBLISHABLE_KEY: publishableKey,
  MEDLEY_SECRET_KEY: secretKey,
  MEDLEY_JWT_SECRET: jwtSecret,
  MEDLEY_FUNCTIONS: functionsFolder,
  MEDLEY_FUNCTIONS_ENV: functionsEnv,
} = process.env;

const connection = await createPostgresConnection({
  url,
  postgresOptions: { max: 10, idle_timeout: 60, onnotice() {}, types },
});

// Lite would otherwise grant everything on every schema that has a table with row-level security.
connection.rlsState = "active";

const normalizeError = connection.normalizeDbError.bind(connection);
connection.normalizeDbError = (error) => asPostgrestError(normalizeError(error));

// PostgREST sets, for each request, the search path and the timeout of the role that it impersonates.
const timeouts = { anon: "3s", authenticated: "8s" };
const applyClaims = connection.applyJwtSessionContext.bind(connection);
connection.applyJwtSessionContext = async (transaction, context, setRole) => {
  await applyClaims(transaction, context, setRole);
  const timeout = timeouts[context.auth?.role || "anon"] ?? "8s";
  await sql`
    select set_config('search_path', 'public, extensions', true),
           set_config('statement_timeout', ${timeout}, true),
           set_config('lock_timeout', '8s', true)
  `.execute(transaction);
};

// A JSON argument that is a string must be quoted to be JSON; lite quotes everything else. (In a
// GET the text is the JSON.)
const readRequest = connection.onPostgrestAST.bind(connection);
connection.onPostgrestAST = async (request, context) => {
  if (request.function && request.httpMethod === "POST") quoteJsonStrings(request);
  return readRequest(request, context);
};

function quoteJsonStrings({ function: name, schema = "public", args }) {
  const given = Array.isArray(args) ? args[0] : args;
  if (given === null || typeof given !== "object") return;
  for (const known of connection.introspection?.functions ?? []) {
    if (known.name !== name || known.schema !== schema) continue;
    known.arg_names.forEach((argument, place) => {
      const isJson = ["json", "jsonb"].includes(known.arg_types[place]);
      if (isJson && typeof given[argument] === "string") {
        given[argument] = JSON.stringify(given[argument]);
      }
    });
  }
}

const app = new App({
  connection,
  api: { schemas: schemas.split(","), max_rows: 1000 },
  auth: {
    enabled: true,
    publishable_key: publishableKey,
    secret_key: secretKey,
    jwt_secret: jwtSecret,
  },
});
// init() without ensureSystemSchema(): the cluster's template has the auth schema already, with
// hosted's own auth.uid(), which lite's schema script would replace.
await app.init();

// The schema is cached, and read again on the notification that migrations end with.
await connection.driver.listen("pgrst", () => connection.clearSchemaCache());

const functions = edgeFunctions({
  folder: functionsFolder,
  envFile: functionsEnv,
  environment: {
    SUPABASE_URL: `http://127.0.0.1:${port}`,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: secretKey }),
  },
});

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close();
    functions.close();
    connection.close().finally(() => process.exit(0));
  });
}

const server = serve({
  port: Number(port),
  hostname: "127.0.0.1",
  fetch: (request, { incoming }) => {
    if (functions.serves(request)) return functions.fetch(request);
    if (isAdminRequest(request)) return handleAdminRequest(request, connection.kysely, secretKey);
    return app.fetch(request, { peerAddress: incoming.socket.remoteAddress ?? null });
  },
});
