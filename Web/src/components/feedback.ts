import { Notify } from "quasar";
import { Problem } from "../api/problem";
import { texts } from "../i18n/language";
import { problemText } from "../i18n/problems";
import { confirm } from "./confirm";

export function notifyDone(message: string): void {
  Notify.create({ message, type: "positive", timeout: 4000 });
}

/** For what has worked out differently than asked for. */
export function notifyWarning(message: string): void {
  Notify.create({ message, type: "warning", timeout: 8000 });
}

/** For failures of actions that have no form to show them in. */
export function notifyProblem(error: unknown): void {
  const problem = Problem.from(error);
  const caption = problem.requestID && `${texts().errors.requestID}: ${problem.requestID}`;
  Notify.create({ message: problemText(problem), caption, type: "negative", timeout: 8000 });
}

/** Asks before something that cannot be undone. */
export function confirmDeletion(title: string, message: string): Promise<boolean> {
  const t = texts().actions;
  return confirm({ title, message, confirm: t.delete, cancel: t.cancel, negative: true });
}
