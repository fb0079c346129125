import { reactive } from "vue";
import * as auth from "../api/auth";
import { isAbort, Problem } from "../api/problem";
import type { User } from "../api/users";
import { hasUnsaved } from "../unsaved";
import { onGrant, renew, share } from "./token";

type Session =
  | { state: "starting" | "anonymous"; user: null }
  | { state: "unreachable"; user: null; problem: Problem }
  /** Ended while a form had changes: the page stays, and asks to sign in over it. */
  | { state: "interrupted"; user: User }
  | { state: "active"; user: User };

const holder = reactive<{ current: Session }>({ current: { state: "starting", user: null } });

// Remembers only that there was a session, so that visitors without one do not cause a refused refresh.
const MARK = "martlet.session";

// Somebody has signed out while the server could not be told. It is told when it can be reached.
const UNTOLD = "martlet.signed-out";

let leaving = false;
/** Somebody else who has signed in in another tab over an interrupted session. */
let successor: User | null = null;
/** Calls that wait for the user to sign in again. */
let waiting: ((token: string | null) => void)[] = [];

onGrant((grant) => {
  if (grant) {
    localStorage.setItem(MARK, "1");
    localStorage.removeItem(UNTOLD);
    const { state, user } = holder.current;
    if (state === "interrupted" && user?.id !== grant.user.id) {
      // What is unsaved here is not theirs, so it is neither sent in their name nor thrown away.
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

/** The token of the user who has signed in again over a form; null when nobody is asked to, or they give up. */
export function signedInAgain(): Promise<string | null> {
  if (holder.current.state !== "interrupted") return Promise.resolve(null);
  return new Promise((resolve) => waiting.push(resolve));
}

/** Gives up what was not saved, and with it the interrupted session. */
export function abandon(): void {
  if (holder.current.state === "interrupted") end();
}

export function session(): Session {
  return holder.current;
}

/** Whether the user may do `permission` ("service.verb_model"). For showing and hiding: the API checks for real. */
export function may(permission: string): boolean {
  const user = holder.current.user;
  return user !== null && (user.is_superuser || user.permissions.includes(permission));
}

/** User administration is for staff, whatever permissions somebody holds. */
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

/** Signs out on this device whatever happens. False when the server could not be told yet. */
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
    // A session that the server has already ended is what was asked for.
    if (isAbort(error) || Problem.from(error).status !== 401) return false;
  }
  localStorage.removeItem(UNTOLD);
  return true;
}

/** Shows changed own details at once, without waiting for the next token. */
export function updateUser(user: User): void {
  if (holder.current.state === "active") holder.current = { state: "active", user };
}
