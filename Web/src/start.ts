import { readDeclaredPages } from "./declared";
import { restoreSession } from "./session/session";

/** Loads what the first page depends on: the session and the declared pages. */
export function start(): void {
  void readDeclaredPages();
  void restoreSession();
}
