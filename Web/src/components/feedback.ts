import { Dialog, Notify } from "quasar";
import { Problem } from "../api/problem";
import { texts } from "../i18n/language";
import { problemText } from "../i18n/problems";

export function notifyDone(message: string): void {
  Notify.create({ message, type: "positive", timeout: 4000 });
}

/** For failures of actions that have no form to show them in. */
export function notifyProblem(error: unknown): void {
  const problem = Problem.from(error);
  const caption = problem.requestID && `${texts().errors.requestID}: ${problem.requestID}`;
  Notify.create({ message: problemText(problem), caption, type: "negative", timeout: 8000 });
}

/** Asks before something that cannot be undone; the safe answer has the focus. */
export function confirmDeletion(title: string, message: string): Promise<boolean> {
  return new Promise((resolve) => {
    Dialog.create({
      title,
      message,
      ok: { label: texts().actions.delete, color: "negative", unelevated: true, noCaps: true },
      cancel: { label: texts().actions.cancel, flat: true, noCaps: true, textColor: "inherit" },
      focus: "cancel",
    })
      .onOk(() => resolve(true))
      .onDismiss(() => resolve(false));
  });
}
