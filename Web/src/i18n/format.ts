import { language } from "./language";

export function formatPrice(amount: number, currency: string): string {
  return new Intl.NumberFormat(language(), { style: "currency", currency, currencyDisplay: "narrowSymbol" }).format(amount);
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
