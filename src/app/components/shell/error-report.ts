// An error as text that can be copied into a report. No paths or data beyond what the error carries.
import type { ShownError } from '../../state/dialogs.svelte';

export function errorReport({ code, message, details, stack }: ShownError): string {
  const lines = [`code: ${code}`, `message: ${message}`];
  for (const [name, value] of Object.entries(details)) lines.push(`${name}: ${JSON.stringify(value)}`);
  if (stack !== null) lines.push('', stack);
  return lines.join('\n');
}
