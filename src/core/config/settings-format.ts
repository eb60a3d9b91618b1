// Settings as text: JSON and YAML, out and in. The YAML library is loaded only when YAML is asked for.
import { AppError, messageOf } from '../../lib/errors';
import { parseSettings } from './parse-settings';
import type { Settings } from './settings';

export type SettingsFormat = 'json' | 'yaml';

export async function exportSettings(settings: Settings, format: SettingsFormat): Promise<string> {
  if (format === 'json') return `${JSON.stringify(settings, null, 2)}\n`;
  const { stringify } = await import('yaml');
  return stringify(settings);
}

/** `.json` is JSON; everything else is YAML, of which JSON is a part. */
export function settingsFormatOf(fileName: string): SettingsFormat {
  return fileName.toLowerCase().endsWith('.json') ? 'json' : 'yaml';
}

/**
 * Missing sections and fields get their defaults.
 * @throws AppError `config.invalid`, `config.unknown-key`.
 */
export async function importSettings(text: string, format: SettingsFormat): Promise<Settings> {
  return parseSettings(await readText(text, format));
}

async function readText(text: string, format: SettingsFormat): Promise<unknown> {
  try {
    if (format === 'json') return JSON.parse(text) as unknown;
    const { parse } = await import('yaml');
    // An alias can be expanded so often that a few lines fill the memory.
    return parse(text, { maxAliasCount: 100 }) as unknown;
  } catch (cause) {
    throw new AppError(
      'config.invalid',
      `The settings are no readable ${format.toUpperCase()}: ${messageOf(cause)}`,
      {
        details: { path: '', format },
        remedy: 'Correct the line that is named, or start from an exported file.',
        cause,
      },
    );
  }
}
