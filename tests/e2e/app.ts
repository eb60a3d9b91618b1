// What several specs do with the built app, as a user would: through roles and names. It asserts only what it waits for.
import { expect, type Locator, type Page } from '@playwright/test';

/** Naming the backend spares each visit the measurement that `auto` makes; first-visit.spec.ts keeps it. */
export const appUrl = (hash = '#/chat') => `/?backend=wasm${hash}`;

/** Opens the app at a screen; resolves once the models are known. */
export async function openApp(page: Page, hash = '#/chat'): Promise<void> {
  await page.goto(appUrl(hash));
  await expect(statusBar(page)).toContainText('Processor (wasm)');
}

export const statusBar = (page: Page): Locator => page.getByRole('contentinfo');

/** Goes to another screen without a reload. While a run trains, its name follows that of its screen. */
export const openView = (page: Page, name: string): Promise<void> =>
  page
    .getByRole('navigation', { name: 'Main' })
    .getByRole('link', { name: new RegExp(`^${name}`) })
    .click();

/** The newest answer of the chat. */
export const lastAnswer = (page: Page): Locator => page.getByRole('log').getByRole('article').last();

/** Sends a message and waits for the whole answer. @returns its text. */
export async function ask(page: Page, question: string): Promise<string> {
  await page.getByRole('textbox', { name: 'Message', exact: true }).fill(question);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await expect(page.getByRole('log').getByText(question)).toBeVisible();
  const answer = lastAnswer(page);
  await expect(answer).toHaveAttribute('aria-busy', 'false');
  await expect(answer).toContainText('tok/s');
  return answer.innerText();
}

/** Keeps answers short: a test needs no more. */
export async function limitAnswers(page: Page, tokens: number): Promise<void> {
  await page.getByRole('button', { name: 'Settings for this chat' }).click();
  await page.getByRole('textbox', { name: 'Max tokens' }).fill(String(tokens));
  await page.getByRole('button', { name: 'Close settings' }).click();
}

/** Adds a sample dataset; by default the one that teaches to answer. */
export async function addSample(page: Page, name = 'Answers from the forge'): Promise<void> {
  await openView(page, 'Data');
  await page.getByRole('button', { name: `Add ${name}` }).click();
  await expect(page.getByRole('heading', { name })).toBeVisible();
}

export interface RunValues {
  steps: number;
  /** Share of the samples kept apart for evaluation. */
  heldOut?: number;
  checkpointEvery?: number;
  /** Name of a second dataset, drawn from as often as the first. */
  mixedWith?: string;
}

/** A run as small as a run can be: two rows of 64 tokens a step. The sample dataset must be there. */
export async function startRun(page: Page, values: RunValues): Promise<void> {
  await openView(page, 'Fine-tune');
  const form = page.getByRole('form', { name: 'New run' });
  const set = (name: string, value: number) =>
    form.getByRole('textbox', { name, exact: true }).fill(String(value));
  await form.getByRole('radio', { name: 'Steps' }).click();
  await set('Steps', values.steps);
  await set('Batch size', 2);
  await set('Sequence', 64);
  await set('Rank', 4);
  await set('Held-out share', values.heldOut ?? 0);
  if (values.mixedWith !== undefined) {
    await form.getByRole('button', { name: 'Add a dataset' }).click();
    await page.getByRole('menuitem', { name: values.mixedWith }).click();
    await form.getByRole('combobox', { name: 'Draw' }).selectOption('By weight alone');
    await expect(form.getByRole('group', { name: 'Mix of datasets' })).toContainText('50');
  }
  await form.getByText('More settings').click();
  await set('Checkpoint every', values.checkpointEvery ?? 0);
  await form.getByRole('button', { name: 'Start' }).click();
  // A short run may be over between two looks.
  await expect(runStatus(page)).toHaveText(/Training|Evaluating|Finished/);
}

/** The pane of the chosen run. */
export const runPane = (page: Page): Locator => page.getByRole('region', { name: /^Run run-/ });

export const runStatus = (page: Page): Locator => runPane(page).getByRole('status').first();

/** How many workers of this name there are: one that died must not live on beside its successor. */
export const workersOf = (page: Page, name: string): number =>
  page.workers().filter((worker) => worker.url().includes(name)).length;

/** Waits until the run has made that many steps. */
export async function waitForStep(page: Page, step: number): Promise<void> {
  const bar = runPane(page).getByRole('progressbar', { name: 'Progress' });
  // Looked at often: what comes next must find the run still going.
  await expect
    .poll(async () => Number(await bar.getAttribute('aria-valuenow')), { intervals: [50] })
    .toBeGreaterThanOrEqual(step);
}

/** Steps and losses of the run that were kept, in the order they were written. */
export function keptLosses(page: Page): Promise<{ step: number; loss: number }[]> {
  return page.evaluate(async () => {
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open('fragua');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(new Error(request.error?.message));
    });
    const range = IDBKeyRange.bound(['', 'step', 0], ['\uffff', 'step', Infinity]);
    const rows = await new Promise<{ kind: string; step: number; loss: number }[]>((resolve, reject) => {
      const request = database.transaction('runMetrics').objectStore('runMetrics').getAll(range);
      request.onsuccess = () => resolve(request.result as { kind: string; step: number; loss: number }[]);
      request.onerror = () => reject(new Error(request.error?.message));
    });
    database.close();
    return rows.filter(({ kind }) => kind === 'step').map(({ step, loss }) => ({ step, loss }));
  });
}

/** Resolves once everything is cached and the service worker answers for this page. */
export async function serviceWorkerReady(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    if (navigator.serviceWorker.controller !== null) return;
    await new Promise((resolve) =>
      navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }),
    );
  });
}
