import { FieldError, Problem } from "../api/problem";
import { texts } from "./language";

/** A field's error in the user's language, or the server's English message if the code is unknown. */
export function fieldErrorText(error: FieldError): string {
  const known = texts().fieldErrors as Record<string, ((params: Record<string, unknown>) => string) | undefined>;
  return known[error.code]?.(error.params ?? {}) ?? error.message;
}

/**
 * The message for a problem: by its code, else the server's `detail`, else by its status. Includes when to try again,
 * if the server specifies it.
 */
export function problemText(problem: Problem): string {
  const { errors } = texts();
  const text = reason(problem);
  const wait = problem.retryAfter !== undefined && problem.retryAfter > 1 ? errors.retryIn(problem.retryAfter) : undefined;
  const known = errors.again as Record<string, string | undefined>;
  const later = wait ?? (problem.code && known[problem.code]);
  return later ? errors.join(text, later) : text;
}

function reason(problem: Problem): string {
  const { errors } = texts();
  if (problem.code === "unexpected") return errors.unexpected;
  if (problem.status === 0) return errors.offline;
  if (problem.status === 412) return errors.changedByOthers;
  const known = problem.code && (errors.byCode as Record<string, string | undefined>)[problem.code];
  if (known) return known;
  if (problem.errors.length > 0) return problem.errors.map(labelled).join(" ");
  if (problem.detail && problem.status < 500) return problem.detail;
  switch (problem.status) {
    case 401:
      return errors.byCode.session_ended;
    case 403:
      return errors.byCode.permission_denied;
    case 404:
      return errors.byCode.not_found;
    case 429:
      return errors.byCode.rate_limited;
    default:
      return problem.status >= 500 ? errors.server : errors.unexpected;
  }
}

/** An error with its field's name, for errors without a field on the screen: "page_size: Must be at most 100." */
export function labelled(error: FieldError): string {
  return texts().errors.at(error.loc.slice(1).join("."), fieldErrorText(error));
}
