// What several specs do with sources of data, as a user would.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, type Locator, type Page } from '@playwright/test';

/** The browser's own picker cannot be driven: the page falls back to its input for folders. */
export async function withoutFolderPicker(page: Page): Promise<void> {
  await page.addInitScript(() => {
    Reflect.deleteProperty(window, 'showDirectoryPicker');
    Reflect.deleteProperty(Window.prototype, 'showDirectoryPicker');
  });
}

/** @returns the path of a folder `name` that holds the files. */
export function folderOf(parent: string, name: string, files: Record<string, string | Buffer>): string {
  const folder = join(parent, name);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

export const connectDialog = (page: Page): Locator => page.getByRole('dialog', { name: 'Connect a source' });

/** A source in the list of the Data view. */
export const sourceRow = (page: Page, name: string): Locator =>
  page.getByRole('complementary', { name: 'Sources' }).getByRole('button', { name: new RegExp(`^${name} `) });

export async function openConnectDialog(page: Page): Promise<Locator> {
  await page.getByRole('button', { name: 'Connect source' }).click();
  return connectDialog(page);
}

export async function pasteConfiguration(page: Page, text: string): Promise<void> {
  const dialog = await openConnectDialog(page);
  await dialog.getByRole('radio', { name: 'JSON or YAML' }).click();
  await dialog.getByLabel('Configuration as JSON or YAML').fill(text);
}

/** Where a connected source asks for its folder. */
export async function chooseFolder(page: Page, folder: string): Promise<void> {
  await expect(page.getByRole('heading', { name: 'The source is not there' })).toBeVisible();
  await page.locator('.data__main input[webkitdirectory]').setInputFiles(folder);
}

/** A source whose folder is chosen in the dialog. */
export async function connectFolder(page: Page, folder: string): Promise<void> {
  const dialog = await openConnectDialog(page);
  await dialog.locator('input[webkitdirectory]').setInputFiles(folder);
  await dialog.getByRole('button', { name: 'Connect and read' }).click();
}
