// Data that goes away while a run trains: the run pauses with a choice, and each way on leads on. The dataset is larger than what
// is kept of it in memory.
import { expect, test, type Page } from '@playwright/test';
import { addSample, openApp, runPane, runStatus, startRun, waitForStep } from './app';
import { connectFolder, folderOf, sourceRow, withoutFolderPicker } from './sources';

const NAME = 'shavings';
const ROWS = 800;

/** 32 MB in rows of 40 kB. */
function folderOfShavings(parent: string): string {
  const row = (i: number) => JSON.stringify({ text: `Row ${i}. ${`Iron ${i} and coal. `.repeat(2200)}` });
  return folderOf(parent, NAME, { 'rows.jsonl': Array.from({ length: ROWS }, (_, i) => row(i)).join('\n') });
}

/** The folder that the rows of the dataset lie in. */
const placeOf = (page: Page): Promise<string> =>
  page.evaluate(
    async (name) => (await fragua.data.listDatasets()).find((dataset) => dataset.name === name)?.folder ?? '',
    NAME,
  );

/** Files of one folder of the browser's storage go into another one. */
function moveFiles(page: Page, from: string, to: string): Promise<void> {
  return page.evaluate(
    async ([from, to]) => {
      const at = async (path: string): Promise<FileSystemDirectoryHandle> => {
        let folder = await navigator.storage.getDirectory();
        for (const part of path.split('/')) folder = await folder.getDirectoryHandle(part, { create: true });
        return folder;
      };
      const [source, target] = [await at(from), await at(to)];
      const files: FileSystemHandle[] = [];
      for await (const file of source.values()) files.push(file);
      for (const file of files)
        await Reflect.apply(Reflect.get(file, 'move') as () => Promise<void>, file, [target]);
    },
    [from, to] as const,
  );
}

test(
  'lost data: pauses with a choice; put back it goes on, without it it finishes, stopped it keeps',
  { tag: '@thorough' },
  async ({ page }, testInfo) => {
    await withoutFolderPicker(page);
    await openApp(page, '#/data');
    await connectFolder(page, folderOfShavings(testInfo.outputPath()));
    await expect(sourceRow(page, NAME)).toContainText('Ready to train');
    const place = `fragua/${await placeOf(page)}`;
    const lose = () => moveFiles(page, place, 'away');
    const putBack = () => moveFiles(page, 'away', place);
    const paused = runPane(page).getByText('its data cannot be read');
    const choice = (name: string) => runPane(page).getByRole('button', { name, exact: true });

    await test.step('alone: stopped, it keeps a checkpoint and offers nothing to go on with', async () => {
      await startRun(page, { steps: 200 });
      await waitForStep(page, 2);
      await lose();
      await expect(paused).toBeVisible();
      await expect(runPane(page)).toContainText(NAME);
      await expect(choice(`Go on without ${NAME}`)).toBeHidden();
      await choice('Stop and keep').click();
      await expect(runStatus(page)).toHaveText('Stopped');
      const kept = await page.evaluate(async () => {
        const [run] = await fragua.engine.listRuns();
        return run === undefined ? [] : fragua.engine.listCheckpoints(run.id);
      });
      expect(kept.length).toBeGreaterThan(0);
      expect(kept.at(-1)?.step).toBeGreaterThanOrEqual(2);
    });

    await test.step('in a mix: put back, it goes on where it was; without it, it finishes', async () => {
      await putBack();
      await addSample(page);
      // So many that it is not over before the data is lost twice.
      await startRun(page, { steps: 60, mixedWith: 'Answers from the forge' });
      await waitForStep(page, 2);
      await lose();
      await expect(paused).toBeVisible();
      await putBack();
      const before = await runPane(page)
        .getByRole('progressbar', { name: 'Progress' })
        .getAttribute('aria-valuenow');
      await choice('Try again').click();
      await waitForStep(page, Number(before) + 2);
      await lose();
      await expect(paused).toBeVisible();
      await choice(`Go on without ${NAME}`).click();
      await expect(runStatus(page)).toHaveText('Finished');
    });
  },
);
