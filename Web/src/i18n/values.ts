import type { Form } from "../api/declaredPages";
import { formatAmount, formatNumber, formatPrice, formatTime } from "./format";
import { texts } from "./language";

/**
 * A value of a declared column. A value that does not fit the form is shown as text.
 * @param currency the item's currency, for amounts of money.
 */
export function formatValue(value: unknown, form: Form | string, currency: unknown): string {
  if (value === null || value === undefined || value === "") return "—";
  if (typeof value === "number") {
    if (form === "number") return formatNumber(value);
    if (form === "money") return isCurrency(currency) ? formatPrice(value, currency) : formatAmount(value);
  }
  if (form === "boolean" && typeof value === "boolean") return value ? texts().list.yes : texts().list.no;
  if (form === "time" && typeof value === "string" && !Number.isNaN(Date.parse(value))) return formatTime(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function isCurrency(value: unknown): value is string {
  return typeof value === "string" && /^[A-Z]{3}$/.test(value);
}
