/** One invalid field; `code` and `params` are stable, `message` is English for those who do not know the code. */
export interface FieldError {
  loc: (string | number)[];
  message: string;
  code: string;
  params?: Record<string, unknown>;
}

/** RFC 9457 problem details as Martlet sends them. */
export interface ProblemBody {
  title: string;
  status: number;
  detail?: string;
  code?: string;
  errors?: FieldError[];
  request_id?: string;
}

/** Every failed call throws this. `status` is 0 when no answer came. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string | undefined;
  readonly detail: string | undefined;
  readonly errors: FieldError[];
  readonly requestID: string | undefined;

  /** @param retryAfter in how many seconds the server wants to be asked again. */
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
    // A mistake of the console's own; its stack is for whoever looks into it.
    console.error(error);
    return new Problem({ title: String(error), status: 0, code: "unexpected" });
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
