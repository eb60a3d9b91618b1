// An error as text that can be copied into a report. Nothing beyond what the error carries, and no tokens or keys.
import { redact } from '../../../core/vault/redact';
import type { ShownError } from '../../state/dialogs.svelte';

export function errorReport({ code, message, details, stack }: ShownError): string {
  const lines = [`code: ${code}`, `message: ${message}`];
  for (const [name, value] of Object.entries(details)) lines.push(`${name}: ${JSON.stringify(value)}`);
  if (stack !== null) lines.push('', stack);
  return redact(lines.join('\n'));
}
