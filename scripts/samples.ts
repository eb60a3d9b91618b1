// Writes the sample datasets of public/samples: node scripts/run.mjs scripts/samples.ts. The same files every time.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatasetFormat } from '../src/protocol/datasets';
import { forgeAnswers } from './samples/forge-answers';
import { harbourLog } from './samples/harbour-log';

interface SampleDataset {
  id: string;
  name: string;
  description: { en: string; es: string };
  format: DatasetFormat;
  rows: object[];
}

const DATASETS: readonly SampleDataset[] = [
  {
    id: 'harbour-log',
    name: 'Harbour log',
    description: {
      en: 'A year in a lighthouse keeper’s log. Teaches a style: short, dry entries that always keep the same order.',
      es: 'Un año en el diario de un farero. Enseña un estilo: anotaciones breves y secas, siempre en el mismo orden.',
    },
    format: 'text',
    rows: harbourLog(),
  },
  {
    id: 'forge-answers',
    name: 'Answers from the forge',
    description: {
      en: 'Questions to a blacksmith, with short answers. Teaches to answer: the loss counts on the answers only.',
      es: 'Preguntas a un herrero, con respuestas breves. Enseña a contestar: la pérdida cuenta solo en las respuestas.',
    },
    format: 'messages',
    rows: forgeAnswers(),
  },
];

const folder = join(fileURLToPath(new URL('..', import.meta.url)), 'public', 'samples');
mkdirSync(folder, { recursive: true });
const index = DATASETS.map(({ rows, ...entry }) => {
  const fileName = `${entry.id}.jsonl`;
  const content = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  writeFileSync(join(folder, fileName), content);
  console.log(`${fileName}: ${rows.length} samples, ${Buffer.byteLength(content)} bytes`);
  const { id, name, description, format } = entry;
  return { id, name, fileName, description, samples: rows.length, format };
});
writeFileSync(join(folder, 'index.json'), `${JSON.stringify(index, null, 2)}\n`);
