// The REST and auth API of the local stack: @supabase/lite on its postgres driver,
// made to behave like a hosted project where it does not by itself.
//
// Environment: MEDLEY_DB_URL (role postgres), MEDLEY_API_PORT, MEDLEY_API_SCHEMAS,
// MEDLEY_PUBLISHABLE_KEY, MEDLEY_SECRET_KEY, MEDLEY_JWT_SECRET.
import { serve } from "@hono/node-server";
import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import { sql } from "kysely";

const {
  MEDLEY_DB_URL: url,
  MEDLEY_API_PORT: port,
  MEDLEY_API_SCHEMAS: schemas,
  MEDLEY_PUBLISHABLE_KEY: publishableKey,
  MEDLEY_SECRET_KEY: secretKey,
  MEDLEY_JWT_SECRET: jwtSecret,
} = process.env;

// PostgREST's timestamps are ISO 8601 (a T, a zone with minutes); supabase-py parses nothing else.
const timestamptz = {
  to: 1184,
  from: [1184],
  serialize: (value) => value,
  parse: (text) => text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"),
};

const connection = await createPostgresConnection({
  url,
  postgresOptions: { max: 10, idle_timeout: 60, onnotice() {}, types: { timestamptz } },
});

// Lite would otherwise grant everything on every schema that has a table with row-level security.
connection.rlsState = "active";

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

const app = new App({
  connection,
  api: { schemas: schemas.split(",") },
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

// The schema is cached; `make up` signals after it has applied migrations.
process.on("SIGHUP", () => connection.clearSchemaCache());
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close();
    connection.close().finally(() => process.exit(0));
  });
}

const server = serve({
  port: Number(port),
  hostname: "127.0.0.1",
  fetch: (request, { incoming }) =>
    app.fetch(request, { peerAddress: incoming.socket.remoteAddress ?? null }),
});
