import { signedInAgain } from "../session/session";
import { freshToken, renew } from "../session/token";
import { Answer, Call, send } from "./http";
import { Problem } from "./problem";

/**
 * Sends a request as the signed-in user. If the server rejects the token, the request is repeated once: with a renewed
 * token, or with the token of the user who signs in again over an unsaved form.
 */
export async function request<T>(path: string, call: Call = {}): Promise<Answer<T>> {
  const token = await freshToken();
  try {
    return await send<T>(path, { ...call, token });
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    const renewed = (token === null ? null : await renew(token)) ?? (await signedInAgain());
    if (renewed === null) throw error;
    return send<T>(path, { ...call, token: renewed });
  }
}
