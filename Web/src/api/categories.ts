import { queryString } from "./page";
import { request } from "./request";

/** A category in use and how many products it has. */
export interface Category {
  category: string;
  count: number;
}

/** Categories whose name matches `search`, and how many of them there are in all. */
export async function findCategories(search: string, signal?: AbortSignal): Promise<{ items: Category[]; total: number }> {
  const path = "/api/products/categories" + queryString({ search, limit: "50" });
  return (await request<{ items: Category[]; total: number }>(path, { signal })).body;
}
