// Values between PostgreSQL's text form and JSON, as PostgREST writes and reads them.
// postgres.js takes them as `types`; each entry replaces what it or lite does.

const both = (oid, parse, serialize = (value) => value) => ({
  to: oid,
  from: [oid],
  parse,
  serialize,
});

// Lite hands JSON over as text already; serialized again it would arrive as a JSON string.
const asJson = (value) => (typeof value === "string" ? value : JSON.stringify(value));

// ISO 8601: a T, and a zone with minutes. supabase-py parses nothing else.
const isoTimestamp = (text) => text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");

// PostgREST's numeric is a JSON number, trailing zeros or not.
const asNumber = (text) => (Number.isFinite(Number(text)) ? Number(text) : text);

// postgres.js reads a NULL in an array as the word "NULL".
const textArray = (oid) => both(oid, parseTextArray, (items) =>
  Array.isArray(items) ? `{${items.map(quoteItem).join(",")}}` : items);

export function parseTextArray(text) {
  const items = text.slice(1, -1).match(/"(?:[^"\\]|\\.)*"|[^,]+/gs) ?? [];
  return items.map((item) => {
    if (item === "NULL") return null;
    return item.startsWith('"') ? item.slice(1, -1).replace(/\\(.)/gs, "$1") : item;
  });
}

function quoteItem(item) {
  return item === null ? "NULL" : `"${String(item).replace(/[\\"]/g, "\\$&")}"`;
}

export const types = {
  json: both(114, JSON.parse, asJson),
  jsonb: both(3802, JSON.parse, asJson),
  numeric: both(1700, asNumber, String),
  timestamp: both(1114, isoTimestamp),
  timestamptz: both(1184, isoTimestamp),
  textArray: textArray(1009),
  varcharArray: textArray(1015),
  uuidArray: textArray(2951),
};
