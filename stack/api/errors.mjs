// HTTP status of a database error as PostgREST gives it. Lite knows some codes and answers 500
// without a code for the rest; those are passed to it in the one form that carries a status
// (`raise sqlstate 'PGRST'`), so that an app sees the same code, message and hint as on hosted.

// What lite itself answers as PostgREST does: PT4xx, PGRST, and these.
const knownToLite = /^(PT|PGRST|21|22|42|23502|23503|23505|25006)/;

const statuses = [
  [/^P0001/, 400],
  [/^(08|57P01)/, 503],
  [/^53(?!400)/, 503],
  [/^(0L|0P|28)/, 403],
  [/^(09|25|2D|38|39|3B|40|53|54|55|57|58|F0|HV|P0|XX)/, 500],
];

export function asPostgrestError(error) {
  const { code, message, detail, hint } = error ?? {};
  if (!/^[0-9A-Z]{5}$/.test(code ?? "") || knownToLite.test(code)) return error;
  const [, status] = statuses.find(([pattern]) => pattern.test(code)) ?? [null, 400];
  return {
    code: "PGRST",
    message: JSON.stringify({ code, message, details: detail ?? null, hint: hint ?? null }),
    detail: JSON.stringify({ status, headers: {} }),
  };
}
