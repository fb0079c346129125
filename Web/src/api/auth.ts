import { send, sendWithin } from "./http";
import { request } from "./request";
import type { Profile, User } from "./users";

/** The response to sign-in and refresh. Its refresh token is ignored: browsers keep it in an HttpOnly cookie. */
export interface Grant {
  access_token: string;
  expires_in: number;
  user: User;
}

export interface Registration {
  email: string;
  username: string;
  password: string;
  first_name: string;
  last_name: string;
}

export interface OwnDetails {
  username: string;
  first_name: string;
  last_name: string;
  phone: string;
  department: string;
  position: string;
  profile: Profile;
}

/** `name` is an e-mail address or a username; usernames cannot contain "@". */
export async function logIn(name: string, password: string): Promise<Grant> {
  const identifier = name.includes("@") ? { email: name } : { username: name };
  return (await send<Grant>("/api/auth/login", { method: "POST", body: { ...identifier, password } })).body;
}

/** Ends the session of the browser's cookie. Gives up if the server does not respond in time. */
export async function logOut(): Promise<void> {
  await sendWithin(5000, "/api/auth/logout", { method: "POST", body: {} });
}

/** Whether registration is open. */
export async function isRegistrationOpen(): Promise<boolean> {
  return (await send<{ open: boolean }>("/api/auth/registration")).body.open;
}

export async function register(registration: Registration): Promise<void> {
  await send("/api/auth/register", { method: "POST", body: registration });
}

export async function readOwnDetails(): Promise<User> {
  return (await request<User>("/api/auth/me")).body;
}

export async function changeOwnDetails(details: OwnDetails): Promise<User> {
  return (await request<User>("/api/auth/me", { method: "PATCH", body: details })).body;
}

export async function changePassword(current: string, replacement: string): Promise<void> {
  const body = { current_password: current, new_password: replacement };
  await request("/api/auth/change-password", { method: "POST", body });
}
