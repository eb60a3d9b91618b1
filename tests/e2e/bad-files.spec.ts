// Files that cannot be used, through the screens: each is named with what is wrong, and nothing of it is stored.
import { expect, test, type Page } from '@playwright/test';
import { openApp } from './app';

const give = (page: Page, name: string, bytes: Buffer) =>
  page
    .getByLabel('Choose files')
    .first()
    .setInputFiles({ name, mimeType: 'application/octet-stream', buffer: bytes });

test('datasets: empty, binary, a bad line, no fields, UTF-16', async ({ page }) => {
  await openApp(page, '#/data');
  const refused = page.getByRole('region', { name: /was not stored$/ });
  for (const [name, bytes, why] of [
    ['empty.jsonl', Buffer.alloc(0), 'it is empty'],
    ['noise.txt', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 0, 0, 255, 254, 0]), /is not a text file/],
  ] as const) {
    await give(page, name, bytes);
    await expect(refused).toContainText(name);
    await expect(refused).toContainText(why);
    await expect(refused).not.toContainText('cannot be used');
    await expect(refused.getByRole('button', { name: /^Leave out/ })).toBeHidden();
    await refused.getByRole('button', { name: 'Do not import' }).click();
    await expect(refused).toBeHidden();
  }

  const rows = [
    '{"prompt":"a","completion":"b"}',
    '{"prompt": broken',
    '{"other":1}',
    '{"prompt":"c","completion":"d"}',
  ];
  await give(page, 'rows.jsonl', Buffer.from(rows.join('\n')));
  await expect(refused).toContainText('rows.jsonl, line 2');
  await expect(refused).toContainText('{"prompt": broken');
  await expect(refused).toContainText('line 3');
  expect(await page.evaluate(() => fragua.data.listDatasets())).toEqual([]);
  await refused.getByRole('button', { name: /^Leave out 2/ }).click();
  await expect(page.getByText('2 lines left out')).toBeVisible();

  await give(page, 'wide.txt', Buffer.from('\ufeffUna frase con eñes.\n\nOtra más.', 'utf16le'));
  await expect(page.getByText('Una frase con eñes.').first()).toBeVisible();
});

test('models: a cut file and a hostile header', async ({ page }) => {
  await openApp(page, '#/models');
  await page.getByRole('tab', { name: 'From a file' }).click();
  const before = await page.evaluate(() => fragua.engine.listModels());
  const base = '/models/chispa';
  const [config, tokenizer, weights] = await Promise.all(
    ['config.json', 'tokenizer.json', 'model.safetensors'].map(async (name) =>
      (await page.request.get(`${base}/${name}`)).body(),
    ),
  );
  if (!config || !tokenizer || !weights) throw new Error('The embedded model is not served.');
  const hostile = Buffer.alloc(64);
  hostile.writeBigUInt64LE(2n ** 60n);
  for (const [bytes, title] of [
    [weights.subarray(0, weights.length >> 1), 'The model file is not complete'],
    [hostile, /The model file (cannot be read|is not complete)/],
  ] as const) {
    await page
      .getByLabel('Choose files')
      .first()
      .setInputFiles(
        [
          { name: 'config.json', buffer: config },
          { name: 'tokenizer.json', buffer: tokenizer },
          { name: 'model.safetensors', buffer: bytes },
        ].map((file) => ({ ...file, mimeType: 'application/octet-stream' })),
      );
    await page.getByRole('button', { name: 'Import', exact: true }).last().click();
    const dialog = page.getByRole('dialog');
    await expect(dialog).toContainText(title);
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await page.getByRole('button', { name: 'Cancel' }).click();
  }
  expect(await page.evaluate(() => fragua.engine.listModels())).toEqual(before);
});
