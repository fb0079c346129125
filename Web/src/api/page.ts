import { Answer, Call } from "./http";
import { Problem } from "./problem";
import { request } from "./request";
import { isObject } from "./shape";

/** One page of a list, as returned by every list endpoint. */
export interface Page<T> {
  items: T[];
  total: number;
  skip: number;
  limit: number;
}

/** Query parameters by their API names. Empty ones are not sent. */
export type Query = Record<string, string>;

export function queryString(query: Query): string {
  const parameters = Object.entries(query).filter(([, value]) => value !== "");
  return parameters.length === 0 ? "" : "?" + new URLSearchParams(parameters).toString();
}

/** Reads the list at `path`. */
export function listOf<T>(path: string): (query: Query, signal?: AbortSignal) => Promise<Page<T>> {
  return async (query, signal) => {
    const { body } = await request<unknown>(path + queryString(query), { signal });
    if (!isPage<T>(body)) throw new Problem({ title: `${path} did not return a list`, status: 200, code: "unexpected" });
    return body;
  };
}

function isPage<T>(body: unknown): body is Page<T> {
  if (!isObject(body)) return false;
  const { items, total, skip, limit } = body;
  return Array.isArray(items) && items.every(isObject) && [total, skip, limit].every(Number.isSafeInteger) && limit !== 0;
}

/** The five operations of a resource at `path`. `Input` is the body for create and update. */
export function resource<T extends { id: number }, Input>(path: string) {
  const of = (id: number) => `${path}/${id}`;
  return {
    list: listOf<T>(path),
    find: (id: number, signal?: AbortSignal): Promise<Answer<T>> => request<T>(of(id), { signal }),
    create: (body: Input): Promise<Answer<T>> => request<T>(path, { method: "POST", body }),
    update: (id: number, body: Partial<Input>, ifMatch: string | null): Promise<Answer<T>> =>
      request<T>(of(id), { method: "PATCH", body, ifMatch } as Call),
    remove: (id: number): Promise<Answer<void>> => request<void>(of(id), { method: "DELETE" }),
  };
}
