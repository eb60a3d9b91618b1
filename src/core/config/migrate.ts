// Brings a stored or imported document to the present version, one step after the other.
import { AppError } from '../../lib/errors';
import { isPlainObject } from './merge';
import { SETTINGS_VERSION } from './settings';

/** Step i takes a document of version i to version i + 1. It must not change the document it is given. */
export type Migration = (document: Record<string, unknown>) => Record<string, unknown>;

/** Version 0 has no version field: written by hand, often with the snake_case keys of Python trainers. */
export const settingsMigrations: Migration[] = [camelCaseKeys];

/** @throws AppError `config.invalid` for what is no document, has a broken version, or comes from the future. */
export function migrateDocument(
  document: unknown,
  migrations: Migration[] = settingsMigrations,
): Record<string, unknown> {
  if (!isPlainObject(document)) {
    throw new AppError('config.invalid', 'The settings are not a list of sections.', {
      details: { path: '' },
      remedy: 'Start from an exported file.',
    });
  }
  const version = document['version'] ?? 0;
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 0) {
    throw new AppError('config.invalid', `version must be a whole number: ${JSON.stringify(version)}.`, {
      details: { path: 'version', value: version },
      remedy: `Write version: ${SETTINGS_VERSION}.`,
    });
  }
  if (version > migrations.length) {
    const fact = `The settings have version ${version}; this build knows ${migrations.length}.`;
    throw new AppError('config.invalid', fact, {
      details: { path: 'version', value: version },
      remedy: 'Reload the page to get the newest build, then import again.',
    });
  }
  const migrated = migrations.slice(version).reduce((current, step) => step(current), document);
  return { ...migrated, version: migrations.length };
}

function camelCaseKeys(document: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(document).map(([key, value]) => [
      key.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      isPlainObject(value) ? camelCaseKeys(value) : value,
    ]),
  );
}
