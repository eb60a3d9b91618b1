// The first minute of somebody who has nothing: welcome, one click, a question, an answer that stays.
import { expect, test } from '@playwright/test';
import { ask, lastAnswer, limitAnswers } from './app';

test.use({ serviceWorkers: 'allow' });

/** What the page itself may load before the first view stands; workers, models and styles are counted elsewhere. */
const FIRST_VIEW_SCRIPT_BYTES = 300_000;

test('first visit: from nothing to an answer that is kept', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Run and fine-tune small models here' })).toBeVisible();
  const scriptBytes = await page.evaluate(() =>
    (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
      .filter(({ name }) => name.endsWith('.js') && !name.includes('.worker'))
      .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
  );
  expect(scriptBytes).toBeGreaterThan(0);
  expect(scriptBytes).toBeLessThan(FIRST_VIEW_SCRIPT_BYTES);

  await expect(page.getByText('This device is ready')).toBeVisible();
  await page.getByRole('button', { name: 'Chat now' }).click();
  await test.step('settings: so wild that no answer ends by itself soon', async () => {
    await page.getByRole('button', { name: 'Settings for this chat' }).click();
    await page.getByRole('radio', { name: 'Free' }).click();
    await page.getByRole('slider', { name: 'Temperature' }).fill('2');
    await page.getByRole('slider', { name: 'Min-p' }).fill('0');
    await page.getByRole('textbox', { name: 'Max tokens' }).fill('480');
    await page.getByRole('button', { name: 'Close settings' }).click();
  });
  const question = 'Tell me a long story about a lighthouse';
  await page.getByRole('textbox', { name: 'Message', exact: true }).fill(question);
  await page.keyboard.press('Enter');

  await test.step('stream: text comes while it is generated, and stop ends it', async () => {
    const answer = lastAnswer(page);
    await expect(answer).toContainText('Generating');
    await page.keyboard.press('Escape');
    await expect(answer).toHaveAttribute('aria-busy', 'false');
    await expect(answer).toContainText('Stopped');
  });

  await limitAnswers(page, 16);
  const text = await ask(page, 'And the sky?');
  await page.reload();
  await expect(page.getByRole('log').getByText(question)).toBeVisible();
  await expect(lastAnswer(page)).toContainText(text.split('\n')[1] ?? text);
});
