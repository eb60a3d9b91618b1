// The palette: every command it lists is run once and shows its effect. The presets of the run form fill it. A deleted
// chat comes back with Undo.
import { expect, test, type Page } from '@playwright/test';
import { ask, lastAnswer, limitAnswers, openApp } from './app';

const palette = (page: Page) => page.getByRole('dialog', { name: 'Search and commands' });

async function choose(page: Page, command: string): Promise<void> {
  await page.keyboard.press('Control+k');
  await palette(page).getByRole('option').getByText(command, { exact: true }).click();
  await expect(palette(page)).toBeHidden();
}

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name, exact: true });

/** What each command does, in an order in which they can follow each other. */
const effects: [command: string, effect: (page: Page) => Promise<void>][] = [
  ...['Fine-tune', 'Data', 'Models', 'Settings', 'Chat'].map((name): (typeof effects)[number] => [
    name,
    (page) => expect(heading(page, name)).toBeAttached(),
  ]),
  ['New chat', (page) => expect(page.getByRole('textbox', { name: 'Message', exact: true })).toBeVisible()],
  ['Chat with Chispa', (page) => expect(page.getByText('Talk to Chispa')).toBeVisible()],
  ['Theme: Light', (page) => expect(page.locator('html')).toHaveAttribute('data-theme', 'light')],
  ['Theme: Dark', (page) => expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')],
  ['Theme: Match system', (page) => expect(page.locator('html')).not.toHaveAttribute('data-theme')],
  ['Run the self-test', (page) => expect(page.getByText('Passed on Processor (wasm)')).toBeVisible()],
  [
    'Export the workspace',
    (page) => expect(page.getByRole('region', { name: 'Notifications' })).toContainText('Exported fragua'),
  ],
  [
    'Watch a model learn from a sample',
    async (page) => {
      const pane = page.getByRole('region', { name: 'Run first-run' });
      await expect(pane.getByRole('status').first()).toHaveText(/Training|Evaluating/);
    },
  ],
  ['Language: Español', (page) => expect(heading(page, 'Ajuste fino')).toBeAttached()],
];

test('palette: every command does what it says', async ({ page }) => {
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  await openApp(page);
  await page.keyboard.press('Control+k');
  const listed = await palette(page).getByRole('option').locator('.item__t').allInnerTexts();
  await page.keyboard.press('Escape');
  // One that is in force is not on offer: the system's theme comes with the others.
  const known = effects.map(([command]) => command).filter((command) => command !== 'Theme: Match system');
  expect([...listed].sort()).toEqual([...known].sort());
  for (const [command, effect] of effects) {
    await test.step(command, async () => {
      await choose(page, command);
      await effect(page);
    });
  }
  await expect(page.getByRole('dialog')).toBeHidden();
  expect(errors).toEqual([]);
});

test('presets: each fills the form and leaves it ready to start', async ({ page }) => {
  await openApp(page, '#/tune');
  const form = page.getByRole('form', { name: 'New run' });
  const value = (name: string) => form.getByRole('textbox', { name, exact: true });
  const packing = form.getByRole('switch', { name: 'Pack short rows together' });
  await form.getByText('More settings').click();
  for (const [preset, values] of [
    ['Quick check', { Steps: '10', 'Batch size': '2', Sequence: '64', Rank: '4', 'Evaluate every': '5' }],
    ['Fast LoRA', { Epochs: '2', 'Batch size': '8', Sequence: '128', Rank: '8', 'Checkpoint every': '50' }],
    ['Lowest loss', { Epochs: '5', Accumulate: '4', Rank: '32', 'EMA decay': '0.999', Keep: '5' }],
  ] as const) {
    await form.getByRole('button', { name: 'Presets' }).click();
    await page.getByRole('menuitem', { name: preset }).click();
    for (const [name, text] of Object.entries(values)) await expect(value(name)).toHaveValue(text);
    if (preset === 'Lowest loss') await expect(packing).toBeChecked();
  }
  await packing.locator('..').click();
  await expect(packing).not.toBeChecked();
  await expect(form.locator('[aria-invalid=true]')).toHaveCount(0);
});

test('undo: a deleted chat comes back whole', async ({ page }) => {
  await openApp(page);
  await limitAnswers(page, 8);
  const question = 'Bring me back';
  const answer = await ask(page, question);
  const row = page.getByRole('link', { name: question });
  await page.getByRole('button', { name: `More: ${question}` }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await expect(row).toBeHidden();
  await expect(page.getByRole('log').getByText(question)).toBeHidden();
  await page.getByRole('button', { name: 'Undo' }).click();
  await row.click();
  await expect(lastAnswer(page)).toContainText(answer.split('\n')[1] ?? answer);
  await page.reload();
  await expect(page.getByRole('log').getByText(question)).toBeVisible();
});
