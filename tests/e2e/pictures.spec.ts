// A folder of pictures: read, cropped, captioned and shown, with what could not be used; the Fine-tune screen does not offer it
// and says why.
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { openApp, openView } from './app';
import { chooseFolder, connectDialog, folderOf, pasteConfiguration, withoutFolderPicker } from './sources';

const CONFIGURATION = JSON.stringify({
  id: 'forge',
  dataset_type: 'image',
  instance_data_dir: 'forge',
  caption_strategy: 'textfile',
  resolution: 128,
  minimum_image_size: 32,
});

/** A plain colour as a PNG, drawn by the browser. */
async function draw(page: Page, width: number, height: number, hue: number): Promise<Buffer> {
  const size = { width, height, hue };
  const base64 = await page.evaluate((picture) => {
    const canvas = document.createElement('canvas');
    canvas.width = picture.width;
    canvas.height = picture.height;
    const context = canvas.getContext('2d');
    if (context !== null) context.fillStyle = `hsl(${picture.hue} 60% 50%)`;
    context?.fillRect(0, 0, picture.width, picture.height);
    return canvas.toDataURL('image/png').split(',')[1] ?? '';
  }, size);
  return Buffer.from(base64, 'base64');
}

async function folderOfPictures(page: Page, parent: string): Promise<string> {
  const files: Record<string, string | Buffer> = {};
  const shapes = [
    [300, 200],
    [200, 300],
    [256, 256],
  ] as const;
  for (let i = 0; i < 30; i += 1) {
    const [width, height] = shapes[i % 3] ?? [64, 64];
    const name = `piece-${String(i).padStart(2, '0')}`;
    files[`${name}.png`] = await draw(page, width, height, i * 12);
    files[`${name}.txt`] = `Piece ${i} on the anvil.\nNumber ${i}.`;
  }
  files['small.png'] = await draw(page, 16, 16, 0);
  files['words.jpg'] = 'These are words and no picture.';
  return folderOf(parent, 'forge', files);
}

const pictures = (page: Page) => page.getByRole('region', { name: 'Pictures', exact: true });

test('pictures: a folder is read, shown with captions and shapes, and is not offered for training', async ({
  page,
}, testInfo) => {
  await withoutFolderPicker(page);
  await openApp(page, '#/data');
  const folder = await folderOfPictures(page, testInfo.outputPath());

  await test.step('connected and read', async () => {
    await pasteConfiguration(page, CONFIGURATION);
    await connectDialog(page).getByRole('button', { name: 'Connect and read' }).click();
    await chooseFolder(page, folder);
    await expect(pictures(page).getByRole('listitem')).toHaveCount(24);
  });

  await test.step('each with its caption, its size and its shape; the rest on the next page', async () => {
    const first = pictures(page).getByRole('listitem').first();
    await expect(first).toContainText('Piece 0 on the anvil.');
    await expect(first).toContainText('1 more');
    await expect(first).toContainText('192 × 128 · 1.50');
    const shown = first.getByRole('img', { name: 'Piece 0 on the anvil.' });
    await expect.poll(() => shown.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(192);
    await pictures(page).getByRole('button', { name: 'Next page' }).click();
    await expect(pictures(page).getByRole('listitem')).toHaveCount(6);
  });

  await test.step('shapes are counted, and what was left out stands in the report', async () => {
    const shapes = page.getByRole('region', { name: 'Shapes, width over height' });
    await expect(shapes.getByRole('listitem')).toHaveText([/0\.67\s*10/, /1\.00\s*10/, /1\.50\s*10/]);
    const report = page.getByRole('region', { name: 'Report', exact: true });
    await expect(report).toContainText('words.jpg');
    await expect(report).toContainText('minimum_image_size');
    expect((await new AxeBuilder({ page }).analyze()).violations.map(({ id }) => id)).toEqual([]);
  });

  await test.step('Fine-tune does not offer it and says why', async () => {
    await expect(page.getByRole('button', { name: 'Fine-tune on this' })).toBeHidden();
    await openView(page, 'Fine-tune');
    await expect(page.getByText(/these hold pictures: forge/)).toBeVisible();
  });
});
