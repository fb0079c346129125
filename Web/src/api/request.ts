import { freshToken, renew } from "../session/token";
import { Answer, Call, send } from "./http";
import { Problem } from "./problem";

/** A call on behalf of the signed-in user. A token that the server no longer takes is renewed, once. */
export async function request<T>(path: string, call: Call = {}): Promise<Answer<T>> {
  const token = await freshToken();
  try {
    return await send<T>(path, { ...call, token });
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401 || token === null) throw error;
    const renewed = await renew(token);
    if (renewed === null) throw error;
    return send<T>(path, { ...call, token: renewed });
  }
}
