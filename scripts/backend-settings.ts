// Writes the table of settings in docs/guides/data-backends.md out of the schemas that check them, so that it cannot drift:
// a test fails where it is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { placesOf } from '../src/core/config/backends/backend-entries';
import {
  allBackendFields,
  secretFieldsOf,
  type BackendField,
  type FieldKinds,
} from '../src/core/config/backends/describe-fields';
import { DATASET_TYPES } from '../src/core/config/backends/dataset-types';
import { BACKEND_TYPES } from '../src/core/config/backends/schema';
import { SETTINGS_WITHOUT_EFFECT } from '../src/core/config/backends/settings-without-effect';

export const GUIDE = fileURLToPath(new URL('../docs/guides/data-backends.md', import.meta.url));
const [BEGIN, END] = ['<!-- settings -->', '<!-- end of settings -->'];

/** The guide as it must be: what stands between the marks is replaced. */
export function withSettings(guide: string): Promise<string> {
  const [before, rest] = [guide.split(BEGIN)[0] ?? '', guide.split(END)[1]];
  if (rest === undefined) throw new Error(`${GUIDE} has no marks ${BEGIN} and ${END}`);
  return format(`${before}${BEGIN}\n\n${tables()}\n\n${END}${rest}`, { parser: 'markdown', printWidth: 110 });
}

function tables(): string {
  const settings = allBackendFields(placesOf).flatMap((kinds) => rows(kinds.field, kindsOf(kinds)));
  const secrets = BACKEND_TYPES.flatMap((type) =>
    secretFieldsOf(type).map((field) => row(field, field.key, type)),
  );
  const head = '| setting | in | must be | default | what it does |\n| --- | --- | --- | --- | --- |';
  const unread = Object.entries(SETTINGS_WITHOUT_EFFECT).map(([key, reason]) => `- \`${key}\`: ${reason}`);
  return [
    `${head}\n${settings.join('\n')}`,
    `Credentials:\n\n${head}\n${secrets.join('\n')}`,
    `Known, and told to have no effect here:\n\n${unread.join('\n')}`,
  ].join('\n\n');
}

/** A section's settings follow it. */
function rows(field: BackendField, kinds: string, before = ''): string[] {
  const key = before + field.key;
  return [row(field, key, kinds), ...field.fields.flatMap((inner) => rows(inner, '', `${key}.`))];
}

function row(field: BackendField, key: string, kinds: string): string {
  const cells = [`\`${key}\``, kinds, field.phrase, defaultOf(field), field.help];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function defaultOf({ required, default: value }: BackendField): string {
  if (required) return '**required**';
  return value === undefined || value === null || value === '' ? '' : `\`${JSON.stringify(value)}\``;
}

function kindsOf({ datasetTypes, types }: FieldKinds): string {
  const kinds = datasetTypes.length === DATASET_TYPES.length ? [] : [datasetTypes.join(', ')];
  const places = datasetTypes.flatMap((kind) => placesOf(kind)).every((type) => types.includes(type));
  return [...kinds, ...(places ? [] : [`type ${types.join(', ')}`])].join('; ');
}

async function main() {
  const guide = readFileSync(GUIDE, 'utf8');
  const current = await withSettings(guide);
  if (guide !== current) writeFileSync(GUIDE, current);
  console.log(guide === current ? 'the settings are current' : `wrote ${GUIDE}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
