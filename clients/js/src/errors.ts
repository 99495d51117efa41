/**
 * What goes wrong, as the application sees it.
 *
 * `code` is for the program: one of the protocol's error codes, or one of the client's own (`offline`, `timeout`,
 * `cancelled`, `expired`, `outbox_full`, `closed`, …). `message` is for a person.
 */
export class TenfourError extends Error {
  override readonly name: string = "TenfourError";

  constructor(
    readonly code: string,
    message: string = code,
    /** Whether the same thing may succeed later. */
    readonly retryable = false,
    readonly status?: number,
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

/** Thrown by `getToken` to say: there is no token for this user. The client stops and asks no more. */
export class UnauthorizedError extends TenfourError {
  override readonly name = "UnauthorizedError";

  constructor(message = "not signed in") {
    super("unauthorized", message, false, 401);
  }
}

/** Whatever was thrown, as one of ours. */
export function asError(thrown: unknown, code: string, retryable = true): TenfourError {
  if (thrown instanceof TenfourError) return thrown;
  return new TenfourError(code, thrown instanceof Error ? thrown.message : String(thrown), retryable);
}
