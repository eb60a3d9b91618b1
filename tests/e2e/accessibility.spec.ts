// Every screen under axe, in both themes, wide and narrow; and the keyboard's road through the frame.
import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { openApp } from './app';

const SCREENS = ['welcome', 'chat', 'tune', 'data', 'models', 'settings'];
const WIDTHS = [1440, 390];

test('axe: no screen has a violation', async ({ page }) => {
  await openApp(page);
  const found: string[] = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    for (const screen of SCREENS) {
      await page.evaluate((hash) => (window.location.hash = hash), `#/${screen}`);
      await expect(page.getByRole('heading', { level: 1 })).toBeAttached();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        // The second theme changes colours only.
        const axe = new AxeBuilder({ page });
        if (colorScheme === 'dark') axe.withRules('color-contrast');
        const { violations } = await axe.analyze();
        for (const { id, nodes } of violations)
          found.push(`${screen} ${width} ${colorScheme}: ${id} at ${nodes[0]?.target.join(' ')}`);
      }
    }
  }
  expect(found).toEqual([]);
});

test('keyboard: palette, Escape and the order of the frame', async ({ page }) => {
  await openApp(page, '#/data');
  await expect(page.getByRole('heading', { name: 'Data', level: 1 })).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Fragua' })).toBeFocused();
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog', { name: 'Search and commands' });
  await expect(palette).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(palette).toBeHidden();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('Models');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Models', level: 1 })).toBeVisible();
});
