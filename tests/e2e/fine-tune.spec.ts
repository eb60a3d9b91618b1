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

/**
 * Milliseconds. Counted as the thread's own processor time: the clock on the wall would also count what other processes
 * take from the page on a machine whose cores are all busy.
 */
const LONGEST_TASK_MS = 50;

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** Thread time, microseconds. */
  tdur?: number;
  args?: { name?: string };
}

/** The longest task of the pages' main threads in a Chromium trace, milliseconds of processor time. */
function longestTaskMs(trace: Buffer): number {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const isThread = ({ name, args }: TraceEvent) => name === 'thread_name' && args?.name === 'CrRendererMain';
  const mains = new Set(traceEvents.filter(isThread).map(({ pid, tid }) => `${pid} ${tid}`));
  // A task that was cut by the start or the end of the trace has no thread time.
  const durations = traceEvents.flatMap(({ name, pid, tid, tdur }) =>
    name === 'ThreadControllerImpl::RunTask' && mains.has(`${pid} ${tid}`) && tdur !== undefined
      ? [tdur]
      : [],
  );
  expect(durations.length).toBeGreaterThan(10);
  return Math.max(...durations) / 1000;
}

test('fine-tune: live run, chat with the adapter, comparison, export', async ({ page, browser }) => {
  await openApp(page);
  await addSample(page);
  await startRun(page, { steps: 12, heldOut: 0.02 });

  await test.step('live: charts and figures follow the run', async () => {
    await waitForStep(page, 2);
    await expect(page.getByRole('img', { name: /^Loss of run-1: at step \d+ train \d/ })).toBeVisible();
    await expect(page.getByRole('img', { name: /^Throughput, now \d/ })).toBeVisible();
    await browser.startTracing(page, { categories: ['toplevel'] });
    await expect(runStatus(page)).toHaveText('Finished');
    expect(longestTaskMs(await browser.stopTracing())).toBeLessThan(LONGEST_TASK_MS);
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
    const files = unzipSync(await readFile(await (await download).path()));
    const names = Object.keys(files).map((name) => name.split('/').at(-1));
    expect(names).toEqual(expect.arrayContaining(['adapter_model.safetensors', 'adapter_config.json']));
  });
});
