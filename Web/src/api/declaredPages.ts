import { sendWithin } from "./http";
import { isObject, isText } from "./shape";

/** How a column shows its values. */
export type Form = "text" | "number" | "money" | "boolean" | "time";

/** A text by language ("en", "zh-CN"). English replaces a missing language. */
export type Translations = Record<string, string> & { en: string };

export interface DeclaredColumn {
  /** The member of an item, and the API's name to order by. */
  name: string;
  title: Translations;
  /** An unknown form shows values as text. */
  form: Form | string;
  is_sortable: boolean;
}

/** A page that a service declares: one of its lists. */
export interface DeclaredPage {
  /** The page's address in the console. */
  path: string;
  /** A name of the icon font. */
  icon: string;
  title: Translations;
  /** The path of the list endpoint. */
  list: string;
  /** Required to see the page. Null: every signed-in user sees it. */
  permission: string | null;
  /** Whether the list can be searched. */
  search: boolean;
  columns: DeclaredColumn[];
}

/** The pages that services declare. Empty when the document is missing or invalid. */
export async function findDeclaredPages(): Promise<DeclaredPage[]> {
  try {
    const { body } = await sendWithin<unknown>(5000, "/console.json");
    return isObject(body) && Array.isArray(body["pages"]) ? body["pages"].filter(isUsable) : [];
  } catch {
    return [];
  }
}

function isUsable(page: unknown): page is DeclaredPage {
  if (isDeclaredPage(page)) return true;
  // For the author of the service; users see the other pages.
  console.warn("/console.json declares a page that the console cannot show:", page);
  return false;
}

function isDeclaredPage(page: unknown): page is DeclaredPage {
  if (!isObject(page)) return false;
  const { path, icon, title, list, permission, search, columns } = page;
  return (
    isPath(path) && typeof icon === "string" && isTranslations(title) && isPath(list) &&
    (permission === null || isText(permission)) && typeof search === "boolean" &&
    Array.isArray(columns) && columns.length > 0 && columns.every(isColumn) &&
    new Set(columns.map(({ name }) => name)).size === columns.length
  );
}

function isColumn(column: unknown): column is DeclaredColumn {
  if (!isObject(column)) return false;
  const { name, title, form, is_sortable } = column;
  return isText(name) && isTranslations(title) && typeof form === "string" && typeof is_sortable === "boolean";
}

function isTranslations(value: unknown): value is Translations {
  return isObject(value) && isText(value["en"]) && Object.values(value).every(isText);
}

/** A path on this origin, without a query: requests to it carry the user's token. */
function isPath(value: unknown): value is string {
  return typeof value === "string" && /^(\/[\w~-][\w.~-]*)+$/.test(value);
}
