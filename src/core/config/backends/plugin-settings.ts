// The settings of a place that a plugin adds: texts by name, each with its help.
import * as v from 'valibot';
import { field, text } from './field';

export function pluginSettings(settings: Readonly<Record<string, string>>): v.ObjectEntries {
  const entries = Object.entries(settings).map(
    ([key, help]) => [key, v.optional(field('essential', help, text()))] as const,
  );
  return Object.fromEntries(entries);
}
