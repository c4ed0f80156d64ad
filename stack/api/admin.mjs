// The user administration of the auth API (supabase-py's `auth.admin`), which lite lacks:
// create, list, read, change and delete users with the secret key.
import { randomUUID } from "node:crypto";
import bcrypt from "bcryptjs";
import { sql } from "kysely";

const PREFIX = "/auth/v1/admin/users";

export function isAdminRequest(request) {
  const { pathname } = new URL(request.url);
  return pathname === PREFIX || pathname.startsWith(`${PREFIX}/`);
}

export async function handleAdminRequest(request, database, secretKey) {
  const key = request.headers.get("apikey");
  if (key !== secretKey) return failure(key ? 403 : 401, "not_admin", "User not allowed");
  const url = new URL(request.url);
  const id = url.pathname.slice(PREFIX.length + 1);
  if (id && !/^[0-9a-f-]{36}$/i.test(id)) {
    return failure(404, "validation_failed", "user_id must be an UUID");
  }
  const body = ["POST", "PUT"].includes(request.method) ? await request.json() : {};
  try {
    switch (`${request.method} ${id ? "one" : "all"}`) {
      case "POST all":
        return Response.json(await create(database, body));
      case "GET all":
        return Response.json(await list(database, url.searchParams));
      case "GET one":
        return found(await read(database, id));
      case "PUT one":
        return found(await change(database, id, body));
      case "DELETE one":
        return found(await remove(database, id));
      default:
        return failure(405, "method_not_allowed", `${request.method} is not possible here`);
    }
  } catch (error) {
    if (error.code !== "23505") throw error;
    return failure(422, "email_exists", "A user with this email address has already been registered");
  }
}

async function create(database, { id = randomUUID(), email, phone, password, ...rest }) {
  const address = email?.toLowerCase() ?? null;
  const hash = password ? await bcrypt.hash(password, 10) : null;
  const provider = address ? "email" : "phone";
  const appData = { provider, providers: [provider], ...rest.app_metadata };
  return database.transaction().execute(async (transaction) => {
    await sql`
      insert into auth.users (id, email, phone, encrypted_password, email_confirmed_at,
        phone_confirmed_at, raw_app_meta_data, raw_user_meta_data)
      values (${id}, ${address}, ${phone ?? null}, ${hash},
        case when ${rest.email_confirm === true} then now() end,
        case when ${rest.phone_confirm === true} then now() end,
        ${JSON.stringify(appData)}::text::jsonb,
        ${JSON.stringify(rest.user_metadata ?? {})}::text::jsonb)
    `.execute(transaction);
    const claims = { sub: id, email: address, phone, email_verified: false };
    await sql`
      insert into auth.identities (id, provider, provider_id, user_id, identity_data)
      values (${randomUUID()}, ${provider}, ${id}, ${id}, ${JSON.stringify(claims)}::text::jsonb)
    `.execute(transaction);
    return read(transaction, id);
  });
}

async function list(database, parameters) {
  const size = Math.min(Number(parameters.get("per_page")) || 50, 1000);
  const page = Math.max(Number(parameters.get("page")) || 1, 1);
  const { rows } = await sql`
    select u.* from auth.users as u
    order by u.created_at desc, u.id limit ${size} offset ${size * (page - 1)}
  `.execute(database);
  return { users: rows.map(asUser), aud: "authenticated" };
}

async function read(database, id) {
  const { rows } = await sql`select u.* from auth.users as u where u.id = ${id}`.execute(database);
  return rows[0] && asUser(rows[0]);
}

async function change(database, id, { email, phone, password, ...rest }) {
  const hash = password ? await bcrypt.hash(password, 10) : null;
  await sql`
    update auth.users set
      email = coalesce(${email?.toLowerCase() ?? null}, email),
      phone = coalesce(${phone ?? null}, phone),
      encrypted_password = coalesce(${hash}, encrypted_password),
      email_confirmed_at =
        coalesce(email_confirmed_at, case when ${rest.email_confirm === true} then now() end),
      phone_confirmed_at =
        coalesce(phone_confirmed_at, case when ${rest.phone_confirm === true} then now() end),
      raw_app_meta_data =
        raw_app_meta_data || ${JSON.stringify(rest.app_metadata ?? {})}::text::jsonb,
      raw_user_meta_data =
        raw_user_meta_data || ${JSON.stringify(rest.user_metadata ?? {})}::text::jsonb,
      updated_at = now()
    where id = ${id}
  `.execute(database);
  return read(database, id);
}

async function remove(database, id) {
  const { rows } = await sql`delete from auth.users where id = ${id} returning id`.execute(database);
  return rows[0] && {};
}

function asUser(row) {
  return {
    id: row.id,
    aud: row.aud,
    role: row.role,
    email: row.email ?? "",
    email_confirmed_at: row.email_confirmed_at ?? undefined,
    phone: row.phone ?? "",
    phone_confirmed_at: row.phone_confirmed_at ?? undefined,
    confirmed_at: row.confirmed_at ?? undefined,
    last_sign_in_at: row.last_sign_in_at ?? undefined,
    app_metadata: row.raw_app_meta_data ?? {},
    user_metadata: row.raw_user_meta_data ?? {},
    identities: [],
    created_at: row.created_at,
    updated_at: row.updated_at,
    is_anonymous: row.is_anonymous,
  };
}

function found(value) {
  return value ? Response.json(value) : failure(404, "user_not_found", "User not found");
}

function failure(status, code, message) {
  return Response.json({ code: status, error_code: code, msg: message }, { status });
}
