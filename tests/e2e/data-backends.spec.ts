// Sources of data: a configuration is pasted and its problems named, a folder is chosen and read, a setting is changed and the
// difference shown with its choice; credentials in a text reach the vault and nothing else.
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { openApp } from './app';
import {
  chooseFolder,
  connectDialog,
  folderOf,
  openConnectDialog,
  pasteConfiguration,
  sourceRow,
  withoutFolderPicker,
} from './sources';

const SHORT = 12;
const LONG = 8;

/** A folder with a table of short rows and one of long ones. */
function folderOfNotes(parent: string): string {
  const rows = (count: number, answer: string) =>
    Array.from({ length: count }, (_, i) => JSON.stringify({ prompt: `Question ${i}?`, completion: answer }));
  return folderOf(parent, 'notes', {
    'short.jsonl': rows(SHORT, 'Yes.').join('\n'),
    'long.jsonl': rows(LONG, 'It depends. '.repeat(40)).join('\n'),
  });
}

const configuration = (page: Page) => page.getByRole('region', { name: 'Configuration', exact: true });
const report = (page: Page) => page.getByRole('region', { name: 'Report', exact: true });

async function violations(page: Page): Promise<string[]> {
  const found = (await new AxeBuilder({ page }).analyze()).violations;
  return found.map(({ id, nodes }) => `${id} at ${nodes[0]?.target.join(' ')}`);
}

async function limitLength(page: Page, tokens: string): Promise<void> {
  const limit = configuration(page).getByLabel('maximum_token_length');
  if (!(await limit.isVisible())) await configuration(page).getByText('More settings').click();
  await limit.fill(tokens);
  await configuration(page).getByRole('button', { name: 'Save' }).click();
}

test('source: problems named, folder read, changed settings shown and chosen', async ({ page }, testInfo) => {
  const folder = folderOfNotes(testInfo.outputPath());
  await withoutFolderPicker(page);
  await openApp(page, '#/data');

  await test.step('every problem of the text is named, and nothing is kept', async () => {
    await pasteConfiguration(page, '- id: notes\n  lenght_buckets: [8]\n  repeats: -1\n');
    await connectDialog(page).getByRole('button', { name: 'Connect and read' }).click();
    const problems = connectDialog(page).getByRole('alert');
    await expect(problems).toContainText('3 problems');
    await expect(problems).toContainText('Did you mean "length_buckets"?');
    await expect(problems).toContainText('repeats must be a whole number of at least 0: -1.');
    await expect(problems).toContainText('instance_data_dir is missing in "notes".');
    expect(await page.evaluate(() => fragua.data.listBackends())).toEqual([]);
    expect(await violations(page)).toEqual([]);
  });

  await test.step('mended, it asks for the folder and reads it', async () => {
    await connectDialog(page)
      .getByLabel('Configuration as JSON or YAML')
      .fill('- id: notes\n  instance_data_dir: notes\n  length_buckets: [32, 512]\n  repeats: 1\n');
    await connectDialog(page).getByRole('button', { name: 'Connect and read' }).click();
    await chooseFolder(page, folder);
    await expect(sourceRow(page, 'notes')).toContainText(`Ready to train ${SHORT + LONG}`);
    await expect(page.getByRole('cell', { name: 'Question 0?' }).first()).toBeVisible();
    await expect(report(page)).toContainText('Every sample can be used');
  });

  await test.step('a changed setting is shown beside the one it was read with, and can be taken back', async () => {
    await limitLength(page, '100');
    const drift = page.getByRole('region', { name: /^Settings differ/ });
    const changed = drift.getByRole('row', { name: /maximum_token_length/ });
    await expect(changed).toContainText('not set');
    await expect(changed).toContainText('100');
    expect(await violations(page)).toEqual([]);
    await expect(sourceRow(page, 'notes')).toContainText('Changed since it was read');
    await drift.getByRole('button', { name: 'Keep what was read' }).click();
    await expect(drift).toBeHidden();
    await expect(sourceRow(page, 'notes')).toContainText('Ready to train');
  });

  await test.step('read again with it, the report says what was left out', async () => {
    await limitLength(page, '100');
    await page
      .getByRole('region', { name: /^Settings differ/ })
      .getByRole('button', { name: 'Read again' })
      .click();
    await expect(sourceRow(page, 'notes')).toContainText(`Ready to train ${SHORT}`);
    await expect(report(page)).toContainText('Too long');
    await expect(report(page)).toContainText(String(LONG));
  });

  await test.step('a scan finds nothing new; disconnected with its rows, nothing is left', async () => {
    await page.getByRole('button', { name: 'Re-scan' }).click();
    await expect(page.getByText('Nothing changed in notes')).toBeVisible();
    await page.getByRole('button', { name: 'Dataset actions' }).click();
    await page.getByRole('menuitem', { name: 'Disconnect and delete rows' }).click();
    await page.getByRole('button', { name: 'Disconnect and delete rows' }).click();
    await expect(sourceRow(page, 'notes')).toBeHidden();
    expect(await page.evaluate(() => fragua.data.listDatasets())).toEqual([]);
  });
});

test('source: a form tries the folder before it connects; credentials of a text are kept apart', async ({
  page,
}, testInfo) => {
  const folder = folderOfNotes(testInfo.outputPath());
  await withoutFolderPicker(page);
  await openApp(page, '#/data');

  await test.step('form: the first rows are shown', async () => {
    await openConnectDialog(page);
    await connectDialog(page).locator('input[webkitdirectory]').setInputFiles(folder);
    await expect(connectDialog(page).getByLabel('Name id')).toHaveValue('notes');
    await connectDialog(page).getByRole('button', { name: 'Test connection' }).click();
    await expect(connectDialog(page).getByRole('status')).toContainText('notes: 2 files');
    await expect(connectDialog(page).getByRole('columnheader', { name: 'prompt' })).toBeVisible();
    await connectDialog(page).getByRole('button', { name: 'Connect and read' }).click();
    await expect(sourceRow(page, 'notes')).toContainText('Ready to train');
  });

  await test.step('a bucket that cannot be reached: its key is in no record', async () => {
    const bucket = {
      id: 'bucket',
      type: 'aws',
      aws_bucket_name: 'b',
      aws_endpoint_url: 'http://localhost:9',
      aws_access_key_id: 'AKIA-one',
      aws_secret_access_key: 'hush-two',
    };
    await pasteConfiguration(page, JSON.stringify(bucket));
    await connectDialog(page).getByRole('button', { name: 'Connect and read' }).click();
    await expect(sourceRow(page, 'bucket')).toBeVisible();
    const shown = await page.evaluate(async () => JSON.stringify(await fragua.data.listBackends()));
    expect(shown).toContain('http://localhost:9');
    expect(shown).not.toMatch(/AKIA-one|hush-two/);
    await expect(configuration(page)).toContainText('kept; leave empty to keep it');
    await expect(page.locator('body')).not.toContainText('hush-two');
  });
});
