import { shallowRef } from "vue";
import { DeclaredPage, findDeclaredPages } from "./api/declaredPages";

const pages = shallowRef<readonly DeclaredPage[] | null>(null);

/** The pages that services declare; null until they are loaded. */
export function declaredPages(): readonly DeclaredPage[] | null {
  return pages.value;
}

export async function readDeclaredPages(): Promise<void> {
  pages.value = null;
  pages.value = await findDeclaredPages();
}
