import { ref } from "vue";
import { isRegistrationOpen } from "../api/auth";

const open = ref<boolean | null>(null);

/** Whether people may register themselves; null while the server has not said. */
export function registrationOpen(): boolean | null {
  return open.value;
}

export async function askWhetherRegistrationIsOpen(): Promise<void> {
  try {
    open.value = await isRegistrationOpen();
  } catch {
    // Nobody is kept from a form that may work: the server refuses it if not.
    open.value ??= true;
  }
}

export function closeRegistration(): void {
  open.value = false;
}
