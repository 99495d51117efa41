/**
 * What goes wrong, as the application sees it.
 *
 * `code` is for the program: one of the protocol's error codes, or one of the client's own (`offline`, `cancelled`,
 * `expired`, `outbox_full`, `closed`, …). `message` is for a person.
 */
export class TenfourError extends Error {
  readonly code: string;
  /** Whether the same thing may succeed later. */
  readonly retryable: boolean;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message?: string | null, retryable = false, status?: number, retryAfterMs?: number | null) {
    super(message || code.replace(/_/g, " "));
    this.name = "TenfourError";
    this.code = code;
    this.retryable = retryable;
    this.status = status;
    this.retryAfterMs = retryAfterMs ?? undefined;
  }
}

/** Thrown by `getToken` to say: there is no token for this user. The client stops and asks no more. */
export class UnauthorizedError extends TenfourError {
  constructor(message?: string) {
    super("unauthorized", message, false, 401);
    this.name = "UnauthorizedError";
  }
}

/** Whatever was thrown, as one of ours that may be tried again. */
export function asError(thrown: unknown, code: string): TenfourError {
  return thrown instanceof TenfourError ? thrown : new TenfourError(code, String((thrown as Error)?.message ?? thrown), true);
}
