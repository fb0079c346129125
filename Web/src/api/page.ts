import { Answer, Call } from "./http";
import { request } from "./request";

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

/** The five operations of a resource at `path`. `Input` is the body for create and update. */
export function resource<T extends { id: number }, Input>(path: string) {
  const of = (id: number) => `${path}/${id}`;
  return {
    list: async (query: Query, signal?: AbortSignal): Promise<Page<T>> =>
      (await request<Page<T>>(path + queryString(query), { signal })).body,
    find: (id: number, signal?: AbortSignal): Promise<Answer<T>> => request<T>(of(id), { signal }),
    create: (body: Input): Promise<Answer<T>> => request<T>(path, { method: "POST", body }),
    update: (id: number, body: Partial<Input>, ifMatch: string | null): Promise<Answer<T>> =>
      request<T>(of(id), { method: "PATCH", body, ifMatch } as Call),
    remove: (id: number): Promise<Answer<void>> => request<void>(of(id), { method: "DELETE" }),
  };
}
