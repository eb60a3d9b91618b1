// Rows and pictures as vectors: the encoder that a source names is wanted; installed, it encodes what is read, finds rows by
// their meaning and gives the vectors away; another encoder's are told apart, with a choice.
import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import { bertDirectory, bertWeights } from '../support/tiny-bert';
import { visionDirectory } from '../support/tiny-vision';
import { openApp, openView } from './app';
import { chooseFolder, connectDialog, folderOf, pasteConfiguration, withoutFolderPicker } from './sources';

const ROWS = ['the cat sat', 'dogs ran far', 'the dog', 'on the mat'];

const CONFIGURATION = '- {id: sayings, dataset_type: embeddings, instance_data_dir: sayings, encoder: Anvil}';

const vectors = (page: Page) => page.getByRole('region', { name: 'Vectors', exact: true });

async function importModel(page: Page, name: string, directory: ReadonlyMap<string, Blob>): Promise<void> {
  await openView(page, 'Models');
  await page.getByRole('tab', { name: 'From a file' }).click();
  const files = [...directory].map(async ([path, blob]) => ({
    name: path.slice(path.lastIndexOf('/') + 1),
    mimeType: 'application/octet-stream',
    buffer: Buffer.from(await blob.arrayBuffer()),
  }));
  await page
    .getByLabel('Choose files')
    .first()
    .setInputFiles(await Promise.all(files));
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
  await page.getByRole('button', { name: 'Import', exact: true }).last().click();
  await expect(page.getByRole('cell', { name: new RegExp(`^${name} `) }).first()).toBeVisible();
}

test('vectors: made after reading, searched, taken away; those of another encoder are told apart', async ({
  page,
}, testInfo) => {
  const rows = ROWS.map((text) => JSON.stringify({ text })).join('\n');
  await withoutFolderPicker(page);
  await openApp(page, '#/data');

  await test.step('its encoder is not installed: told before it is connected', async () => {
    await pasteConfiguration(page, CONFIGURATION);
    await connectDialog(page).getByRole('button', { name: 'Connect and read' }).click();
    await expect(connectDialog(page).getByRole('alert')).toContainText(
      'a model that is not installed: "Anvil"',
    );
    await connectDialog(page).getByRole('button', { name: 'Cancel' }).click();
  });

  await test.step('installed: what is read is encoded without being asked to', async () => {
    await importModel(page, 'Anvil', await bertDirectory(bertWeights(), { normalise: true }));
    await openView(page, 'Data');
    await pasteConfiguration(page, CONFIGURATION);
    await connectDialog(page).getByRole('button', { name: 'Connect and read' }).click();
    await chooseFolder(page, folderOf(testInfo.outputPath(), 'sayings', { 'rows.jsonl': rows }));
    await expect(vectors(page)).toContainText('4 of 4 rows have a vector');
  });

  await test.step('found: the nearest rows, each a click away', async () => {
    await vectors(page).getByRole('searchbox', { name: 'Find similar rows' }).fill('the dog');
    await vectors(page).getByRole('button', { name: 'Find', exact: true }).click();
    const found = vectors(page).getByRole('list', { name: 'Nearest rows by cosine' }).getByRole('listitem');
    await expect(found).toHaveCount(ROWS.length);
    await expect(found.first()).toContainText('the dog');
    await expect(found.first()).toContainText('1.000');
    await found.first().getByRole('button', { name: 'Show row 3' }).click();
    await expect(page.getByRole('row', { selected: true })).toContainText('the dog');
  });

  await test.step('taken away: a line for each row', async () => {
    const download = page.waitForEvent('download');
    await vectors(page).getByRole('button', { name: 'Download' }).click();
    const text = await readFile(await (await download).path(), 'utf8');
    const lines = text.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { text: string }).text)).toEqual(ROWS);
  });

  await test.step('another encoder: the difference is shown; kept, or made anew', async () => {
    await importModel(page, 'Bellows', await bertDirectory(bertWeights(2), { normalise: true }));
    await openView(page, 'Data');
    const encoder = vectors(page).getByRole('combobox', { name: 'Embedding model' });
    await encoder.selectOption('Bellows');
    await expect(vectors(page)).toContainText('These vectors were made by another encoder');
    await vectors(page).getByRole('button', { name: 'Keep Anvil' }).click();
    await expect(vectors(page)).toContainText('4 of 4 rows have a vector');
    await expect(encoder.getByRole('option', { name: 'Anvil', selected: true })).toBeAttached();
    await encoder.selectOption('Bellows');
    await vectors(page).getByRole('button', { name: 'Encode anew' }).click();
    await expect(vectors(page)).toContainText('4 of 4 rows have a vector');
    await expect(vectors(page)).not.toContainText('another encoder');
  });
});

test('features: pictures by a vision encoder', async ({ page }, testInfo) => {
  await withoutFolderPicker(page);
  await openApp(page, '#/data');
  await importModel(page, 'Lens', await visionDirectory());
  await openView(page, 'Data');
  const picture = Buffer.from(
    await page.evaluate(() => {
      const canvas = document.createElement('canvas');
      canvas.width = canvas.height = 64;
      canvas.getContext('2d')?.fillRect(0, 0, 32, 64);
      return canvas.toDataURL('image/png').split(',')[1] ?? '';
    }),
    'base64',
  );
  await pasteConfiguration(
    page,
    JSON.stringify({ id: 'forge', dataset_type: 'image', instance_data_dir: 'forge', resolution: 64 }),
  );
  await connectDialog(page).getByRole('button', { name: 'Connect and read' }).click();
  await chooseFolder(page, folderOf(testInfo.outputPath(), 'forge', { 'a.png': picture, 'b.png': picture }));
  await vectors(page).getByRole('button', { name: 'Encode', exact: true }).click();
  await expect(vectors(page)).toContainText('2 of 2');
});
