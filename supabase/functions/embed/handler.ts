// Texts to vectors, item by item. What the model cannot read is left out, and counted.
import { callerOf } from "../_shared/caller.ts";
import { type Database, databaseOf } from "../_shared/database.ts";
import { chosenModel, type EmbeddingModel, TEXT_DIMS } from "../_shared/embedding.ts";
import { jsonBody } from "../_shared/endpoint.ts";
import type { Project } from "../_shared/environment.ts";
import { ApiError, invalidArgument } from "../_shared/errors.ts";

interface Item {
  item_id: string;
  title: string;
  next_cursor: string;
}

interface Embedded {
  item_id: string;
  embedding: number[];
}

interface Result {
  model: string;
  embedded: number;
  failed: number;
  done: boolean;
}

// Hosted gives a call two seconds of CPU; a text takes some tens of milliseconds.
const USUAL = 20;
const MOST = 500;
const BUDGET_MS = 100_000;

export function handler(
  project: Project,
  database: Database = databaseOf(project),
  model: () => EmbeddingModel = chosenModel,
): (request: Request) => Promise<Response> {
  let loaded: EmbeddingModel | undefined;
  return async (request) => {
    const caller = await callerOf(request, project);
    if (!caller.service) {
      throw new ApiError(
        403,
        "forbidden",
        "embedding is for the service",
        "Call with the secret key.",
      );
    }
    const { kind = null, limit = USUAL } = await jsonBody(request);
    if (kind !== null && typeof kind !== "string") {
      throw invalidArgument("kind", "kind must be a kind of items", "Leave it out for all kinds.");
    }
    if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1 || limit > MOST) {
      throw invalidArgument("limit", `limit must be between 1 and ${MOST}`);
    }
    loaded ??= model();
    return Response.json(await embedNewest(database, loaded, kind, limit));
  };
}

/** Embeds up to `limit` items, newest first; `done` when none is left but those that failed. */
async function embedNewest(
  database: Database,
  model: EmbeddingModel,
  kind: string | null,
  limit: number,
): Promise<Result> {
  const deadline = Date.now() + BUDGET_MS;
  const result: Result = { model: model.name, embedded: 0, failed: 0, done: false };
  let cursor: string | null = null;
  while (result.embedded < limit && Date.now() < deadline) {
    const wanted = limit - result.embedded;
    const items: Item[] = await database.rpc<Item[]>("get_items_without_embedding", {
      p_type: "text",
      p_model: model.name,
      p_kind: kind,
      p_limit: wanted,
      p_cursor: cursor,
    });
    const rows = await vectors(model, items, deadline);
    result.failed += rows.failed;
    result.embedded += await written(database, model, rows.embedded);
    cursor = items.at(-1)?.next_cursor ?? null;
    if (items.length < wanted) {
      // Where time was over before the last of them, some are left.
      result.done = rows.embedded.length + rows.failed === items.length;
      break;
    }
  }
  return result;
}

async function vectors(
  model: EmbeddingModel,
  items: Item[],
  deadline: number,
): Promise<{ embedded: Embedded[]; failed: number }> {
  const embedded: Embedded[] = [];
  let failed = 0;
  for (const { item_id, title } of items) {
    if (Date.now() >= deadline) break;
    try {
      const embedding = Array.from(await model.embed(title));
      if (embedding.length !== TEXT_DIMS || !embedding.every(Number.isFinite)) {
        throw new Error(`${model.name} answered no ${TEXT_DIMS} numbers`);
      }
      embedded.push({ item_id, embedding });
    } catch (error) {
      console.error(`item ${item_id}:`, error);
      failed++;
    }
  }
  return { embedded, failed };
}

/** Writes vectors; returns of how many items. One that was deleted meanwhile costs no other its own. */
async function written(
  database: Database,
  model: EmbeddingModel,
  rows: Embedded[],
): Promise<number> {
  if (rows.length === 0) return 0;
  try {
    await database.rpc<number>("set_item_embeddings", {
      p_type: "text",
      p_model: model.name,
      p_rows: rows,
    });
    return rows.length;
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "not_found") throw error;
    if (rows.length === 1) return 0;
    const half = Math.ceil(rows.length / 2);
    return await written(database, model, rows.slice(0, half)) +
      await written(database, model, rows.slice(half));
  }
}
