import type { Grant } from "../api/auth";
import { send } from "../api/http";
import { Problem } from "../api/problem";

// The access token is in this module's memory, one copy per tab, never in storage. The refresh token is in an HttpOnly
// cookie that all tabs share. Each use replaces it, so tabs must not use it at the same time.

let token: string | null = null;
let expiresAt = 0;
let timer: number | undefined;

type Listener = (grant: Grant | null) => void;
let listener: Listener = () => {};

const channel = new BroadcastChannel("martlet-session");
channel.onmessage = (event: MessageEvent<Grant | null>) => accept(event.data);

/** Registers a listener for each new grant, from any tab, and for null when the session has ended. */
export function onGrant(notify: Listener): void {
  listener = notify;
}

/** Makes `grant` the session of every tab; null ends it everywhere. */
export function share(grant: Grant | null): void {
  // Share only what is needed, without the refresh token of the response.
  const shared = grant && { access_token: grant.access_token, expires_in: grant.expires_in, user: grant.user };
  accept(shared);
  channel.postMessage(shared);
}

/** The token to send, renewed if it is about to expire; null when there is no session. */
export async function freshToken(): Promise<string | null> {
  return token !== null && Date.now() > expiresAt - 5_000 ? renew(token) : token;
}

/** Replaces `old` with a new token. Null when the session has ended; throws when the server cannot be reached. */
export function renew(old: string | null): Promise<string | null> {
  return exclusively(async () => {
    if (token !== old) return token; // another caller or tab was faster
    try {
      share(await refresh());
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      share(null);
    }
    return token;
  });
}

async function refresh(): Promise<Grant> {
  const call = async () => (await send<Grant>("/api/auth/refresh", { method: "POST", body: {} })).body;
  try {
    return await call();
  } catch (error) {
    // Without locks, another tab may have been faster. Its response has replaced the cookie.
    if (error instanceof Problem && error.code === "refresh_token_used") return call();
    throw error;
  }
}

function accept(grant: Grant | null): void {
  window.clearTimeout(timer);
  token = grant?.access_token ?? null;
  if (grant) {
    expiresAt = Date.now() + grant.expires_in * 1000;
    const early = Math.max(grant.expires_in - 60, grant.expires_in / 2);
    const used = grant.access_token;
    // Ignore a failure here: the next request tries again and reports it.
    timer = window.setTimeout(() => renew(used).catch(() => {}), early * 1000);
  }
  listener(grant);
}

let queue: Promise<unknown> = Promise.resolve();

/** Runs one at a time in all tabs, or in this tab only if the browser has no locks (plain http on another host). */
function exclusively<T>(work: () => Promise<T>): Promise<T> {
  if ("locks" in navigator && navigator.locks) return navigator.locks.request("martlet-refresh", work) as Promise<T>;
  const run = queue.then(work, work);
  queue = run.catch(() => {});
  return run;
}
