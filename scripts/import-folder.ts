// A model's folder into a running app, by the file chooser on the Models screen, as a user would do it.
import { resolve } from 'node:path';
import type { ModelRecord } from '../src/protocol/models';
import type { AppSession } from './app-session';

/** Hashing and copying large weights takes a while. */
const IMPORT_MS = 30 * 60_000;
const POLL_MS = 250;

/** @throws Error with the app's complaint where the files make no model. */
export async function importFolder({ page }: AppSession, folder: string): Promise<ModelRecord> {
  const before = await page.evaluate(async () => (await fragua.engine.listModels()).map(({ id }) => id));
  await page.evaluate(() => {
    location.hash = '#/models';
  });
  await page.locator('#import input[webkitdirectory]').setInputFiles(resolve(folder));
  const start = page.getByRole('button', { name: 'Import', exact: true }).last();
  await start.waitFor();
  if (await start.isDisabled()) {
    throw new Error(`${folder}: ${await page.locator('#import form').innerText()}`);
  }
  await start.click();
  const refusal = page.getByRole('dialog');
  const imported = async (): Promise<ModelRecord | undefined> =>
    (await page.evaluate(() => fragua.engine.listModels())).find(({ id }) => !before.includes(id));
  for (let waited = 0; waited < IMPORT_MS; waited += POLL_MS) {
    const model = await imported();
    if (model !== undefined) return model;
    if (await refusal.isVisible()) throw new Error(`${folder}: ${await refusal.innerText()}`);
    await page.waitForTimeout(POLL_MS);
  }
  throw new Error(`${folder} was not imported within ${IMPORT_MS / 60_000} minutes.`);
}
