// Errors as the database answers them, so that an app handles a function's and an RPC's alike:
// {"code": "PT404", "message", "details": "{\"code\": \"not_found\"}", "hint"}.

/** What went wrong, with the HTTP status and the stable code of docs/errors.md. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint = "",
    readonly argument?: string,
  ) {
    super(message);
  }

  /** The answer that carries it. */
  response(): Response {
    const details = { code: this.code, ...(this.argument && { argument: this.argument }) };
    return Response.json(
      {
        code: `PT${this.status}`,
        message: this.message,
        details: JSON.stringify(details),
        hint: this.hint,
      },
      { status: this.status },
    );
  }
}

/** A refusal of what the caller sent. */
export const invalidArgument = (argument: string, message: string, hint = ""): ApiError =>
  new ApiError(400, "invalid_argument", message, hint, argument);
