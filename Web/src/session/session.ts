import { reactive } from "vue";
import * as auth from "../api/auth";
import { isAbort, Problem } from "../api/problem";
import type { User } from "../api/users";
import { hasUnsaved } from "../unsaved";
import { onGrant, renew, share } from "./token";

type Session =
  | { state: "starting" | "anonymous"; user: null }
  | { state: "unreachable"; user: null; problem: Problem }
  /** Ended while a form had changes. The page stays and asks the user to sign in again. */
  | { state: "interrupted"; user: User }
  | { state: "active"; user: User };

const holder = reactive<{ current: Session }>({ current: { state: "starting", user: null } });

// Remembers that there was a session, so that visitors without one do not send a refresh that fails.
const MARK = "martlet.session";

// Remembers a sign-out while the server was unreachable. The server is notified once it can be reached.
const UNTOLD = "martlet.signed-out";

let leaving = false;
/** Another user who has signed in in another tab during an interrupted session. */
let successor: User | null = null;
/** Calls that wait for the user to sign in again. */
let waiting: ((token: string | null) => void)[] = [];

onGrant((grant) => {
  if (grant) {
    localStorage.setItem(MARK, "1");
    localStorage.removeItem(UNTOLD);
    const { state, user } = holder.current;
    if (state === "interrupted" && user?.id !== grant.user.id) {
      // The unsaved changes are not theirs: neither send nor discard them.
      successor = grant.user;
      return;
    }
    successor = null;
    holder.current = { state: "active", user: grant.user };
    resume(grant.access_token);
    return;
  }
  localStorage.removeItem(MARK);
  successor = null;
  const { state, user } = holder.current;
  const interrupted = !leaving && (state === "interrupted" || (state === "active" && hasUnsaved()));
  if (interrupted && user !== null) holder.current = { state: "interrupted", user };
  else end();
});

function end(): void {
  holder.current = successor ? { state: "active", user: successor } : { state: "anonymous", user: null };
  successor = null;
  resume(null);
}

function resume(token: string | null): void {
  const calls = waiting;
  waiting = [];
  for (const call of calls) call(token);
}

/** The token after the user signs in again over a form; null if the session is not interrupted or they give up. */
export function signedInAgain(): Promise<string | null> {
  if (holder.current.state !== "interrupted") return Promise.resolve(null);
  return new Promise((resolve) => waiting.push(resolve));
}

/** Discards the unsaved changes and ends the interrupted session. */
export function abandon(): void {
  if (holder.current.state === "interrupted") end();
}

export function session(): Session {
  return holder.current;
}

/** Whether the user has `permission` ("service.verb_model"). Only for showing and hiding; the API enforces it. */
export function may(permission: string): boolean {
  const user = holder.current.user;
  return user !== null && (user.is_superuser || user.permissions.includes(permission));
}

/** User administration requires a staff account as well as the permission. */
export function mayAdminister(permission: string): boolean {
  const user = holder.current.user;
  return user !== null && (user.is_superuser || (user.is_staff && user.permissions.includes(permission)));
}

export async function restoreSession(): Promise<void> {
  await tellSignOut();
  if (localStorage.getItem(MARK) === null) {
    holder.current = { state: "anonymous", user: null };
    return;
  }
  holder.current = { state: "starting", user: null };
  try {
    await renew(null);
  } catch (error) {
    holder.current = { state: "unreachable", user: null, problem: Problem.from(error) };
  }
}

export async function signIn(name: string, password: string): Promise<void> {
  await tellSignOut();
  share(await auth.logIn(name, password));
}

/** Signs out on this device in any case. False if the server could not be notified yet. */
export async function signOut(): Promise<boolean> {
  localStorage.setItem(UNTOLD, "1");
  const told = await tellSignOut();
  leaving = true;
  share(null);
  leaving = false;
  return told;
}

async function tellSignOut(): Promise<boolean> {
  if (localStorage.getItem(UNTOLD) === null) return true;
  try {
    await auth.logOut();
  } catch (error) {
    // If the server has already ended the session, the goal is reached.
    if (isAbort(error) || Problem.from(error).status !== 401) return false;
  }
  localStorage.removeItem(UNTOLD);
  return true;
}

/** Shows the user's changed details immediately, without waiting for the next token. */
export function updateUser(user: User): void {
  if (holder.current.state === "active") holder.current = { state: "active", user };
}
