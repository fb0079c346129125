import { readDeclaredPages } from "./declared";
import { restoreSession } from "./session/session";

/** Asks the server what the first page depends on: who is signed in, and which pages the services declare. */
export function start(): void {
  void readDeclaredPages();
  void restoreSession();
}
