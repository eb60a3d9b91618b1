// The model card and the measured part of docs/embedded-model.md, from one set of measurements. Numbers are never typed.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CurvePoint } from './checkpoint';
import { curveSvg } from './curve-svg';
import type { Generation } from './generations';
import type { Measurements } from './package';
import type { Recipe } from './train';

const BEGIN = '<!-- measured: written by npm run pretrain -- --package -->';
const END = '<!-- /measured -->';
const CURVE_ROWS = 14;

export function modelCard(measured: Measurements, recipe: Recipe): string {
  const all = measured.heldOut.at(-1)?.bitsPerByte ?? NaN;
  return `---
license: mit
language: en
library_name: transformers
pipeline_tag: text-generation
---

# Chispa

The small language model that Fragua ships with: ${thousands(measured.parameters)} weights, ${megabytes(measured.weightsBytes)} MB. It exists so that
fine-tuning can be seen at once, with nothing to download. It writes English words and sentences in the manner of the
books it read; it knows nothing and answers nothing reliably before it is fine-tuned.

| | |
|---|---|
| architecture | LlamaForCausalLM: 6 layers, hidden 128, 4 heads, 2 key-value heads, SwiGLU 384, tied embedding |
| context | 512 tokens |
| vocabulary | 1024, byte-level BPE; chat marks \`<|system|>\` \`<|user|>\` \`<|assistant|>\` \`<|end|>\`, \`<|endoftext|>\` between documents |
| weights | F16 |
| training | ${thousands(measured.progress.tokens)} tokens, ${thousands(measured.progress.step)} steps, ${minutes(measured.progress.seconds)} minutes on one CPU core (WebAssembly), AdamW, peak learning rate ${recipe.peakLearningRate} |
| held-out tenth | **${all.toFixed(3)} bits per byte** |
| licence | MIT for the weights; the texts are in the public domain |

## Data

${measured.statistics.map(({ name, trainBytes }) => `- ${name}: ${thousands(trainBytes)} bytes of training text`).join('\n')}

Conversations for the chat format are neighbouring speeches of these plays and novels; none is invented. A tenth of each
book, in pieces spread over it, was never trained on.

${heldOutTable(measured)}

## Samples, not chosen

${measured.generations.map(sampleBlock).join('\n\n')}

## Limits

English of 1590 to 1892, with the views of its time. No knowledge, no arithmetic, no safety training. Sense lasts for a sentence,
seldom for a paragraph. Written by \`npm run pretrain\` of the project; the recipe stands in docs/embedded-model.md.
`;
}

/** Replaces the measured part of docs/embedded-model.md, and the figure beside it. */
export function updateDocument(folder: string, measured: Measurements): void {
  const path = join(folder, 'embedded-model.md');
  if (!existsSync(path)) return;
  const text = readFileSync(path, 'utf8');
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start < 0 || end < 0) throw new Error(`${path} has lost its marks ${BEGIN} and ${END}.`);
  writeFileSync(
    path,
    `${text.slice(0, start + BEGIN.length)}\n\n${measuredPart(measured)}\n\n${text.slice(end)}`,
  );
  writeFileSync(join(folder, 'embedded-model-loss.svg'), curveSvg(measured.progress.curve));
}

function measuredPart(measured: Measurements): string {
  const { progress } = measured;
  const speed = progress.tokens / progress.seconds;
  return `Steps: ${thousands(progress.step)}. Tokens learnt from: ${thousands(progress.tokens)}. Time: ${minutes(progress.seconds)} minutes, so
${speed.toFixed(0)} tokens per second, evaluations included, on a processor shared with other work.

${heldOutTable(measured)}

![Training loss and held-out bits per byte over the steps](embedded-model-loss.svg)

${curveTable(progress.curve)}

Samples from fixed prompts, not chosen:

${measured.generations.map(sampleBlock).join('\n\n')}`;
}

function heldOutTable({ heldOut }: Measurements): string {
  return table(
    ['held-out text', 'bytes', 'tokens', 'bits per byte'],
    heldOut.map((row) => [row.name, thousands(row.bytes), thousands(row.tokens), row.bitsPerByte.toFixed(3)]),
  );
}

function curveTable(curve: readonly CurvePoint[]): string {
  const measured = curve.filter(({ heldOutBitsPerByte }) => heldOutBitsPerByte !== null);
  const every = Math.max(1, Math.ceil(measured.length / CURVE_ROWS));
  const rows = measured.filter((_, index) => index % every === 0 || index === measured.length - 1);
  return table(
    ['step', 'minutes', 'tokens', 'training loss (nats per token)', 'held-out part (bits per byte)'],
    rows.map((point) => [
      thousands(point.step),
      minutes(point.seconds),
      thousands(point.tokens),
      point.trainLoss.toFixed(3),
      point.heldOutBitsPerByte?.toFixed(3) ?? '',
    ]),
  );
}

/** Padded as prettier does it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function sampleBlock({ prompt, how, text }: Generation): string {
  const shown = `${prompt}«${text}»`.replaceAll('```', "'''").replace(/[ \t]+$/gm, '');
  return `\`\`\`text\n(${how}) ${shown}\n\`\`\``;
}

function thousands(value: number): string {
  return value.toLocaleString('en-US');
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function minutes(seconds: number): string {
  return (seconds / 60).toFixed(1);
}
