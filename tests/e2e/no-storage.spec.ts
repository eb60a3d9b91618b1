// Browsers that refuse something: storage of every kind, in the page and in its workers, or WebGPU. The app says so and
// works on.
import { expect, test } from '@playwright/test';
import { chromiumPath } from '../../scripts/chromium';
import {
  addSample,
  ask,
  lastAnswer,
  limitAnswers,
  openApp,
  openView,
  runPane,
  runStatus,
  startRun,
} from './app';

// Where storage is refused, service workers are; one would also hand out the workers' scripts behind the route below.
test.use({ serviceWorkers: 'block' });

/** What blocked site data looks like from inside: every door throws. For the page and its workers alike. */
function refuseStorage(): void {
  const refuse = () => {
    throw new DOMException('Refused.', 'SecurityError');
  };
  IDBFactory.prototype.open = refuse;
  StorageManager.prototype.getDirectory = () => Promise.reject(new DOMException('Refused.', 'SecurityError'));
  if ('localStorage' in globalThis) Object.defineProperty(globalThis, 'localStorage', { get: refuse });
}

test('no storage: the page says that nothing is kept, trains and chats', async ({ page }) => {
  await page.addInitScript(refuseStorage);
  const refused = new Set<string>();
  await page.route(/\.worker-[^/]*\.js$/, async (route) => {
    const response = await route.fetch();
    refused.add(/(\w+)\.worker/.exec(route.request().url())?.[1] ?? '');
    await route.fulfill({ response, body: `(${refuseStorage.toString()})();\n${await response.text()}` });
  });
  await openApp(page);
  await expect(page.getByText('Nothing is kept after this tab closes.')).toBeVisible();
  await addSample(page);

  await test.step('a run: trained, and its result answers', async () => {
    await startRun(page, { steps: 3, heldOut: 0.02, checkpointEvery: 1 });
    await expect(runStatus(page)).toHaveText('Finished');
    await expect(page.getByRole('img', { name: /^Loss of run-1: at step 3 train \d/ })).toBeVisible();
    await runPane(page).getByRole('button', { name: 'Use in chat' }).first().click();
    await limitAnswers(page, 8);
    await ask(page, 'What is steel?');
    await expect(lastAnswer(page)).toContainText('run-1');
  });

  await test.step('files: what needs storage says so', async () => {
    await openView(page, 'Models');
    await page.getByRole('button', { name: 'Export run-1' }).click();
    await expect(page.getByRole('dialog', { name: 'The browser refuses storage' })).toBeVisible();
  });
  expect([...refused].sort()).toEqual(['data', 'engine', 'features']);
});

test('no WebGPU: the page says that the processor computes, and chats', async ({ playwright, baseURL }) => {
  const args = ['--no-sandbox', '--disable-features=WebGPU', '--disable-gpu'];
  const browser = await playwright.chromium.launch({ executablePath: chromiumPath(), args });
  try {
    const page = await browser.newPage({ ...(baseURL === undefined ? {} : { baseURL }) });
    await page.goto('/#/chat');
    await expect(page.getByText('No WebGPU here.')).toBeVisible();
    await limitAnswers(page, 8);
    await ask(page, 'Hello?');
  } finally {
    await browser.close();
  }
});
