import { queryString } from "./page";
import { request } from "./request";

/** A category and its number of products. */
export interface Category {
  category: string;
  count: number;
}

/** The categories whose name matches `search`, and their total number. */
export async function findCategories(search: string, signal?: AbortSignal): Promise<{ items: Category[]; total: number }> {
  const path = "/api/products/categories" + queryString({ search, limit: "50" });
  return (await request<{ items: Category[]; total: number }>(path, { signal })).body;
}
