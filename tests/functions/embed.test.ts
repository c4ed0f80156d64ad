// What the function embed does with a model that is given to it, and a database that is not one.
import assert from "node:assert/strict";
import type { Database } from "../../supabase/functions/_shared/database.ts";
import { chosenModel, type EmbeddingModel } from "../../supabase/functions/_shared/embedding.ts";
import { endpoint } from "../../supabase/functions/_shared/endpoint.ts";
import { ApiError } from "../../supabase/functions/_shared/errors.ts";
import { handler } from "../../supabase/functions/embed/handler.ts";

const PROJECT = { url: "http://nowhere", publishableKey: "p", secretKey: "s", secretKeys: ["s"] };

/** A model of a text's length, which fails at what it was told to. */
const lengths: EmbeddingModel = {
  name: "lengths",
  embed(text) {
    if (text === "nothing") return Promise.reject(new Error("no words"));
    return Promise.resolve(new Array(text === "short" ? 12 : 384).fill(text.length));
  },
};

interface Row {
  item_id: string;
  embedding: number[];
}

/** Items by id, newest last, some of which are gone by the time that vectors are written. */
class Shelf implements Database {
  readonly vectors = new Map<string, number[]>();
  constructor(readonly titles: Record<string, string>, readonly gone: string[] = []) {}

  rpc<T>(name: string, args: Record<string, unknown>): Promise<T> {
    assert.equal(args.p_type, "text");
    assert.equal(args.p_model, "lengths");
    if (name === "get_items_without_embedding") return Promise.resolve(this.missing(args) as T);
    assert.equal(name, "set_item_embeddings");
    const rows = args.p_rows as Row[];
    if (rows.some((row) => this.gone.includes(row.item_id))) {
      return Promise.reject(new ApiError(404, "not_found", "no such item"));
    }
    for (const row of rows) this.vectors.set(row.item_id, row.embedding);
    return Promise.resolve(rows.length as T);
  }

  private missing(args: Record<string, unknown>) {
    return Object.keys(this.titles).reverse()
      .filter((id) => !this.vectors.has(id) && (!args.p_cursor || id < (args.p_cursor as string)))
      .slice(0, args.p_limit as number)
      .map((id) => ({ item_id: id, kind: "post", title: this.titles[id], next_cursor: id }));
  }
}

async function embed(shelf: Shelf, body: unknown = {}, key = "s"): Promise<Response> {
  const request = new Request("http://here", {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
  return await endpoint("POST", handler(PROJECT, shelf, () => lengths))(request);
}

const result = async (answer: Promise<Response>) => await (await answer).json();

Deno.test("the newest items get their vectors, as many as were asked for", async () => {
  const shelf = new Shelf({ a: "one", b: "three", c: "of them" });
  assert.deepEqual(
    await result(embed(shelf, { limit: 2 })),
    { model: "lengths", embedded: 2, failed: 0, done: false },
  );
  assert.deepEqual([...shelf.vectors.keys()], ["c", "b"]);
  assert.deepEqual(shelf.vectors.get("b"), new Array(384).fill(5));
  assert.deepEqual(
    await result(embed(shelf, { limit: 2 })),
    { model: "lengths", embedded: 1, failed: 0, done: true },
  );
});

Deno.test("what the model cannot read is left out and keeps nothing else back", async () => {
  const shelf = new Shelf({ a: "one", b: "two", c: "short", d: "nothing" });
  assert.deepEqual(
    await result(embed(shelf, { limit: 2 })),
    { model: "lengths", embedded: 2, failed: 2, done: false },
  );
  assert.deepEqual([...shelf.vectors.keys()].sort(), ["a", "b"]);
});

Deno.test("an item that was deleted meanwhile costs no other its vector", async () => {
  const shelf = new Shelf({ a: "1", b: "2", c: "3", d: "4", e: "5" }, ["b", "e"]);
  assert.deepEqual(
    await result(embed(shelf)),
    { model: "lengths", embedded: 3, failed: 0, done: true },
  );
  assert.deepEqual([...shelf.vectors.keys()].sort(), ["a", "c", "d"]);
});

Deno.test("what cannot be asked for is refused", async () => {
  const shelf = new Shelf({ a: "one" });
  for (
    const body of [{ limit: 0 }, { limit: 501 }, { limit: 1.5 }, { limit: "9" }, { kind: 7 }, []]
  ) {
    const answer = await embed(shelf, body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.equal(JSON.parse((await answer.json()).details).code, "invalid_argument");
  }
  assert.equal((await embed(shelf, {}, "p")).status, 401);
  assert.equal(shelf.vectors.size, 0);
});

Deno.test("a model that is not there is named", () => {
  for (const name of ["", "gte-small", "gpt", "constructor"]) {
    Deno.env.set("EMBEDDING_MODEL", name);
    assert.throws(chosenModel, (error) => {
      assert(error instanceof ApiError);
      return error.code === "not_configured" && error.message.includes(name || "gte-small");
    });
  }
});

Deno.test("texts with words in common are near, by hashed words", async () => {
  Deno.env.set("EMBEDDING_MODEL", "words");
  const model = chosenModel();
  const [rain, storm, tax, none] = await Promise.all(
    ["Rain falls on Mars", "On Mars, rain FALLS at night", "Income tax returns", "!"].map((text) =>
      model.embed(text)
    ),
  );
  const cosine = (a: number[], b: number[]) => {
    const dot = (x: number[], y: number[]) => x.reduce((sum, n, i) => sum + n * y[i]!, 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  };
  assert.equal(rain!.length, 384);
  assert(cosine(rain!, storm!) > 0.7);
  assert(Math.abs(cosine(rain!, tax!)) < 0.4);
  assert(none!.some((number) => number !== 0));
  assert.deepEqual(await model.embed("Rain falls on Mars"), rain);
});
