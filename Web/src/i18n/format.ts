import { language } from "./language";

/** Uses the currency's symbol if it is unambiguous in the language ("$", "CA$", "JP¥"), otherwise its code. */
export function formatPrice(amount: number, currency: string): string {
  const format = (options: Intl.NumberFormatOptions) =>
    new Intl.NumberFormat(language(), { style: "currency", currency, currencyDisplay: "symbol", ...options });
  // The API counts hundredths of every currency. Do not round a price or add digits to it.
  const usual = format({}).resolvedOptions().maximumFractionDigits ?? 2;
  const digits = usual < 2 && Number.isInteger(amount) ? usual : 2;
  return format({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(amount);
}

/** An amount without a currency. */
export function formatAmount(amount: number): string {
  return new Intl.NumberFormat(language(), { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(amount);
}

export function formatNumber(value: number): string {
  return new Intl.NumberFormat(language()).format(value);
}

export function formatDate(timestamp: string): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: "medium" }).format(new Date(timestamp));
}

export function formatTime(timestamp: string): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(timestamp));
}
