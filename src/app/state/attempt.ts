// Runs something the user asked for and shows the error dialog when it fails.
import type { Dialogs } from './dialogs.svelte';

/** @returns whether it worked */
export async function attempt(
  dialogs: Dialogs,
  title: string,
  action: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    dialogs.error(error, { title });
    return false;
  }
}
