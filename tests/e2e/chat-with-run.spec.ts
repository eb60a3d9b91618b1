// Talking to a run while it trains: no export, no reload, and the chat goes on when the run is over.
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
} from './app';

test('chat with a run: answers while it trains, and goes on with its adapter afterwards', async ({
  page,
}) => {
  await openApp(page);
  await limitAnswers(page, 6);
  await addSample(page);
  await startRun(page, { steps: 5000 });
  await runPane(page).getByRole('button', { name: 'Chat with it now' }).click();

  const picker = page.getByRole('button', { name: /Chispa.*run-1/ });
  await expect(picker).toContainText('run-1, in training');
  await ask(page, 'What is steel?');
  await expect(lastAnswer(page)).toContainText('run-1, in training');

  await picker.click();
  const choices = page.getByRole('dialog', { name: 'Model and adapter' });
  await expect(choices.getByRole('radio', { name: 'run-1, in training' })).toBeChecked();
  await page.keyboard.press('Escape');

  await openView(page, 'Fine-tune');
  await runPane(page).getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
  await expect(runStatus(page)).toHaveText('Stopped');
  await openView(page, 'Chat');
  await expect(picker).not.toContainText('in training');
  await ask(page, 'And iron?');
  await expect(lastAnswer(page)).toContainText('run-1');
  await expect(lastAnswer(page)).not.toContainText('in training');
});
