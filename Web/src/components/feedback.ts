import { Notify } from "quasar";
import { Problem } from "../api/problem";
import { texts } from "../i18n/language";
import { problemText } from "../i18n/problems";
import { confirm } from "./confirm";

export function notifyDone(message: string): void {
  Notify.create({ message, type: "positive", timeout: 4000 });
}

/** Reports that an action succeeded only partly. */
export function notifyWarning(message: string): void {
  Notify.create({ message, type: "warning", timeout: 8000 });
}

/** Reports the failure of an action without a form. */
export function notifyProblem(error: unknown): void {
  const problem = Problem.from(error);
  const caption = problem.requestID && `${texts().errors.requestID}: ${problem.requestID}`;
  Notify.create({ message: problemText(problem), caption, type: "negative", timeout: 8000 });
}

/** Asks for confirmation of an irreversible action. */
export function confirmDeletion(title: string, message: string): Promise<boolean> {
  const t = texts().actions;
  return confirm({ title, message, confirm: t.delete, cancel: t.cancel, negative: true });
}
