// A gated dataset of a hub in the browser: another origin, a redirect to a third one, ranges, a token.
import { expect, test } from 'vitest';
import { commands } from 'vitest/browser';
import { createHuggingFaceBackend } from '../../src/data/backends/huggingface-backend';
import { browserClock } from '../../src/lib/async/browser-clock';

const ROWS = 4000;

test('huggingface backend: rows come by ranges through the CDN, which never sees the token', async () => {
  const { url, name, token } = await commands.openHubDataset(ROWS);
  const source = createHuggingFaceBackend({
    config: { id: 'hub', dataset_name: name, format: 'text', mapping: { text: 'text' } },
    secrets: { huggingface_token: token },
    endpoints: { hub: url, datasetsServer: url },
    fetch: (input, init) => fetch(input, init),
    clock: browserClock,
    online: () => true,
  });
  const files = [];
  for await (const file of source.list({ extensions: ['parquet'] })) files.push(file);
  const [file] = files;
  const path = file?.path ?? '';
  const blob = await source.open(path);
  const texts = [];
  for await (const event of source.rows?.({ name: path, blob: blob ?? new Blob() }, {}) ?? []) {
    if (event.kind === 'row') texts.push(event.row);
  }
  expect(texts).toEqual(Array.from({ length: ROWS }, (_, i) => ({ text: `row ${i}` })));

  const asked = await commands.askedOfHub();
  const cdn = asked.filter(({ where }) => where === 'cdn');
  expect(cdn.every(({ authorization, range }) => authorization === null && range !== null)).toBe(true);
  const bytes = cdn.reduce((sum, { range }) => {
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    return sum + Number(end) - Number(start) + 1;
  }, 0);
  // The end of the file and the one column of two: the other is a hundred times as long.
  expect(bytes).toBeLessThan((file?.size ?? 0) / 3);
  await source.close();
});

test('huggingface backend: without the token it is denied', async () => {
  const { url, name } = await commands.openHubDataset(10);
  const source = createHuggingFaceBackend({
    config: { id: 'hub', dataset_name: name },
    secrets: {},
    endpoints: { hub: url, datasetsServer: url },
    fetch: (input, init) => fetch(input, init),
    clock: browserClock,
    online: () => true,
  });
  await expect(source.check()).rejects.toMatchObject({ code: 'backend.denied' });
});
