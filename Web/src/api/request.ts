import { signedInAgain } from "../session/session";
import { freshToken, renew } from "../session/token";
import { Answer, Call, send } from "./http";
import { Problem } from "./problem";

/**
 * A call on behalf of the signed-in user. When the server no longer takes the token, the call is sent once more with a
 * renewed one, or with that of the user who signs in again over an unsaved form.
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
