// Two tabs of one browser: the first runs the workers, the second works through it and takes over when it closes.
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
  waitForStep,
} from './app';

test.use({ serviceWorkers: 'allow' });

test(
  'second tab: works through the first one, then takes over',
  { tag: '@thorough' },
  async ({ context, page: owner }) => {
    await openApp(owner);
    await serviceWorkerReady(owner);
    const guest = await context.newPage();
    const notice = guest.getByText('Fragua is open in another tab.');

    await test.step('guest: sees the models and chats', async () => {
      await openApp(guest);
      await expect(notice).toBeVisible();
      await limitAnswers(guest, 16);
      await ask(guest, 'Who are you?');
      await openView(guest, 'Models');
      await expect(guest.getByRole('link', { name: /^Chat with/ })).toBeVisible();
    });

    await test.step('guest: watches the run of the owner', async () => {
      await addSample(owner);
      await startRun(owner, { steps: 400, checkpointEvery: 2 });
      await openView(guest, 'Fine-tune');
      await waitForStep(guest, 4);
      await expect(runStatus(guest)).toHaveText('Training');
    });

    await test.step('takeover: the run can be resumed and the chat goes on', async () => {
      await owner.close();
      await expect(notice).toBeHidden();
      await expect(runStatus(guest)).toHaveText('Interrupted');
      await openView(guest, 'Chat');
      await ask(guest, 'Are you still here?');
      await openView(guest, 'Fine-tune');
      await guest.getByRole('button', { name: 'Resume' }).click();
      await expect(runStatus(guest)).toHaveText('Training');
      await guest.getByRole('button', { name: 'Pause' }).click();
      await expect(runStatus(guest)).toHaveText('Paused, state saved');
    });
  },
);
