import { isAbort, Problem, ProblemBody } from "./problem";

export interface Call {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  token?: string | null;
  /** An entity tag. The write fails with 412 if the resource has changed since. */
  ifMatch?: string | null;
  signal?: AbortSignal;
}

export interface Answer<T> {
  body: T;
  etag: string | null;
}

/** Sends one HTTP request to the gateway, independent of sessions. */
export async function send<T>(path: string, call: Call = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: "application/json, application/problem+json" };
  if (call.body !== undefined) headers["Content-Type"] = "application/json";
  if (call.token) headers["Authorization"] = `Bearer ${call.token}`;
  if (call.ifMatch) headers["If-Match"] = call.ifMatch;

  const response = await fetch(path, {
    method: call.method ?? "GET",
    headers,
    body: call.body === undefined ? undefined : JSON.stringify(call.body),
    signal: call.signal,
    credentials: "same-origin",
    cache: "no-store",
  }).catch((error: unknown) => {
    throw isAbort(error) ? error : new Problem({ title: "No answer", status: 0 });
  });
  if (!response.ok) throw await problem(response);
  const text = await response.text();
  return { body: (text === "" ? undefined : JSON.parse(text)) as T, etag: response.headers.get("ETag") };
}

/** Sends a request like `send`, and aborts it after `milliseconds`. */
export async function sendWithin<T>(milliseconds: number, path: string, call: Call = {}): Promise<Answer<T>> {
  const patience = new AbortController();
  const timer = window.setTimeout(() => patience.abort(), milliseconds);
  try {
    return await send<T>(path, { ...call, signal: patience.signal });
  } finally {
    window.clearTimeout(timer);
  }
}

async function problem(response: Response): Promise<Problem> {
  const fallback: ProblemBody = {
    title: response.statusText,
    status: response.status,
    request_id: response.headers.get("X-Request-ID") ?? undefined,
  };
  const retryAfter = secondsUntil(response.headers.get("Retry-After"));
  if (!response.headers.get("Content-Type")?.includes("json")) return new Problem(fallback, retryAfter);
  const body: Partial<ProblemBody> = await response.json().catch(() => ({}));
  return new Problem({ ...fallback, ...body }, retryAfter);
}

/** `Retry-After` is a number of seconds or a date (RFC 9110 §10.2.3). */
function secondsUntil(value: string | null): number | undefined {
  if (value === null) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1000);
  return seconds > 0 ? seconds : undefined;
}
