// After one visit the network can go: a cold start, a chat and a run need nothing from it. Without WebGPU the chat is
// onnxruntime's, whose files have to be there too.
import { expect, test } from '@playwright/test';
import {
  addSample,
  ask,
  limitAnswers,
  openApp,
  openView,
  runStatus,
  serviceWorkerReady,
  startRun,
  statusBar,
} from './app';

test.use({ serviceWorkers: 'allow' });

test('offline: a cold start chats and trains', async ({ context, page: first }) => {
  await openApp(first);
  await serviceWorkerReady(first);
  await first.close();
  await context.setOffline(true);

  const page = await context.newPage();
  await openApp(page);
  await expect(statusBar(page)).toContainText('Offline');
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  await limitAnswers(page, 16);
  await ask(page, 'Can you hear me?');
  const { backend, chat } = await page.evaluate(() => fragua.engine.describeDevice());
  expect(backend).toBe('wasm');
  expect(chat).toMatchObject({ executor: 'onnxruntime' });
  await openView(page, 'Settings');
  await page.getByRole('link', { name: 'Engine and diagnostics' }).click();
  await expect(page.getByText('onnxruntime on the processor, threads: ')).toBeVisible();
  await addSample(page);
  await startRun(page, { steps: 2 });
  await expect(runStatus(page)).toHaveText('Finished');
});
