import { ref } from "vue";
import { isRegistrationOpen } from "../api/auth";

const open = ref<boolean | null>(null);

/** Whether registration is open; null until the server has responded. */
export function registrationOpen(): boolean | null {
  return open.value;
}

export async function askWhetherRegistrationIsOpen(): Promise<void> {
  try {
    open.value = await isRegistrationOpen();
  } catch {
    // Show the form in doubt. The server rejects it if registration is closed.
    open.value ??= true;
  }
}

export function closeRegistration(): void {
  open.value = false;
}
