import { reactive } from "vue";
import * as auth from "../api/auth";
import { Problem } from "../api/problem";
import type { User } from "../api/users";
import { onGrant, renew, share } from "./token";

type Session =
  | { state: "starting" | "anonymous"; user: null }
  | { state: "unreachable"; user: null; problem: Problem }
  | { state: "active"; user: User };

const holder = reactive<{ current: Session }>({ current: { state: "starting", user: null } });

// Remembers only that there was a session, so that visitors without one do not cause a refused refresh.
const MARK = "martlet.session";

onGrant((grant) => {
  if (grant) localStorage.setItem(MARK, "1");
  else localStorage.removeItem(MARK);
  holder.current = grant ? { state: "active", user: grant.user } : { state: "anonymous", user: null };
});

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
  share(await auth.logIn(name, password));
}

export async function signOut(): Promise<void> {
  try {
    await auth.logOut();
  } catch (error) {
    // A session that the server has already ended is what was asked for.
    if (Problem.from(error).status !== 401) throw error;
  }
  share(null);
}

/** Shows changed own details at once, without waiting for the next token. */
export function updateUser(user: User): void {
  if (holder.current.state === "active") holder.current = { state: "active", user };
}
