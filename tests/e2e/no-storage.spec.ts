// Browsers that refuse something: IndexedDB on the page, WebGPU altogether. The app says so and works on.
// The script below reaches the page only, not its workers; those fall back to memory in their own unit tests.
import { expect, test } from '@playwright/test';
import { chromiumPath } from '../../scripts/chromium';
import { ask, limitAnswers, openApp } from './app';

test('no storage: the page says that nothing is kept, and chats', async ({ page }) => {
  await page.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('Refused.', 'SecurityError');
    };
  });
  await openApp(page);
  await expect(page.getByText('Nothing is kept after this tab closes.')).toBeVisible();
  await limitAnswers(page, 8);
  await ask(page, 'Hello?');
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
