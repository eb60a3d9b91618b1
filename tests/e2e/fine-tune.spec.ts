// The main job: train, watch it live, talk to the result, compare it with the base, take it away.
import { readFile } from 'node:fs/promises';
import { unzipSync } from 'fflate';
import { expect, test } from '@playwright/test';
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
  waitForStep,
} from './app';

test('fine-tune: live run, chat with the adapter, comparison, export', async ({ page }) => {
  await openApp(page);
  await addSample(page);
  await addSample(page, 'Harbour log');
  await startRun(page, { steps: 12, heldOut: 0.02, mixedWith: 'Answers from the forge' });

  await test.step('live: charts and figures follow the run', async () => {
    await waitForStep(page, 2);
    await expect(page.getByRole('img', { name: /^Loss of run-1: at step \d+ train \d/ })).toBeVisible();
    await expect(page.getByRole('img', { name: /^Throughput, now \d/ })).toBeVisible();
    await expect(runStatus(page)).toHaveText('Finished');
  });

  await test.step('mix: both datasets were drawn from', async () => {
    const batches = runPane(page).getByText(/^Batches: /);
    await expect(batches).toContainText(/\d\d ?% Harbour log/);
    await expect(batches).toContainText(/\d\d ?% Answers from the forge/);
  });

  await test.step('chat: with the adapter, then beside the base', async () => {
    await runPane(page).getByRole('button', { name: 'Use in chat' }).first().click();
    await limitAnswers(page, 12);
    await ask(page, 'What is steel?');
    await expect(lastAnswer(page)).toContainText('run-1');
    await page.getByRole('button', { name: 'Settings for this chat' }).click();
    await page.getByRole('switch', { name: /^Compare A\/B/ }).click();
    await page.getByRole('textbox', { name: 'Message', exact: true }).fill('And iron?');
    await page.keyboard.press('Enter');
    for (const side of ['A: Base', 'B: Fine-tuned']) {
      await expect(page.getByRole('region', { name: side }).last()).toContainText('tok/s');
    }
  });

  await test.step('export: a zip with the standard files', async () => {
    await openView(page, 'Models');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export run-1' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export run-1' });
    await expect(dialog.getByRole('radio', { name: /^PEFT adapter/ })).toBeChecked();
    await dialog.getByRole('button', { name: 'Export' }).click();
    const files = unzipSync(await readFile(await (await download).path()));
    const names = Object.keys(files).map((name) => name.split('/').at(-1));
    expect(names).toEqual(expect.arrayContaining(['adapter_model.safetensors', 'adapter_config.json']));
  });
});
