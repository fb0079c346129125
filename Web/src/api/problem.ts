/** One invalid field. `code` and `params` are stable; `message` is English, for clients that do not know the code. */
export interface FieldError {
  loc: (string | number)[];
  message: string;
  code: string;
  params?: Record<string, unknown>;
}

/** Martlet's problem details (RFC 9457). */
export interface ProblemBody {
  title: string;
  status: number;
  detail?: string;
  code?: string;
  errors?: FieldError[];
  request_id?: string;
}

/** Thrown by every failed call. `status` is 0 when there was no response. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string | undefined;
  readonly detail: string | undefined;
  readonly errors: FieldError[];
  readonly requestID: string | undefined;

  /** @param retryAfter the number of seconds to wait before a retry. */
  constructor(body: ProblemBody, readonly retryAfter?: number) {
    super(body.title);
    this.status = body.status;
    this.code = body.code;
    this.detail = body.detail;
    this.errors = body.errors ?? [];
    this.requestID = body.request_id;
  }

  static from(error: unknown): Problem {
    if (error instanceof Problem) return error;
    // An error in the console itself. Log it with its stack.
    console.error(error);
    return new Problem({ title: String(error), status: 0, code: "unexpected" });
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
