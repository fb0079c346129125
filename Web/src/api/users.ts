import { resource } from "./page";

export interface Profile {
  bio: string;
  birth_date: string | null;
  location: string;
  website: string;
}

export interface User {
  id: number;
  email: string;
  username: string;
  first_name: string;
  last_name: string;
  phone: string;
  department: string;
  position: string;
  is_active: boolean;
  is_verified: boolean;
  is_staff: boolean;
  is_superuser: boolean;
  permissions: string[];
  last_login: string | null;
  created_at: string;
  updated_at: string;
  profile: Profile;
}

export interface UserInput {
  email: string;
  username: string;
  password?: string;
  first_name: string;
  last_name: string;
  phone: string;
  department: string;
  position: string;
  is_active: boolean;
  is_verified: boolean;
  /** Only superusers may set the last three; other users must omit them. */
  is_staff?: boolean;
  is_superuser?: boolean;
  permissions?: string[];
}

export const users = resource<User, UserInput>("/api/users");

/** The full name in the order of its script, or the username. */
export function displayName({ first_name, last_name, username }: User): string {
  if (/^\p{Script=Han}+$/u.test(first_name + last_name)) return last_name + first_name;
  return [first_name, last_name].filter(Boolean).join(" ") || username;
}
