// Loading the SmolLM2-135M shape from the origin private file system: speed beside that of reading the same file and
// throwing it away and of filling the device with nothing, and the most that the page takes of ordinary memory meanwhile.
import type { Page } from 'playwright';
import { LOAD_FORMS, SMOLLM2_135M, type LoadForm } from '../cases';
import { HostMemory } from '../host-memory';
import { PageSession } from '../page-session';
import { adapterLabel, median, type Cell } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';

const config = SMOLLM2_135M;

interface Loaded {
  row: Record<string, Cell>;
  /** Our speed over that of the raw read, in file bytes a second. */
  ratio: number;
  hostBytes: number;
}

async function measure(page: Page, form: LoadForm, turns: number): Promise<Loaded> {
  const bytes = await page.evaluate(([form, config]) => bench.writeModelFile(form, config), [
    form,
    config,
  ] as const);
  const raw: number[] = [];
  const decodes: number[] = [];
  const fills: number[] = [];
  const loads: number[] = [];
  const hosts: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    raw.push(await page.evaluate((form) => bench.readRaw(form), form));
    decodes.push(
      await page.evaluate(([form, config]) => bench.decodeModelFile(form, config), [form, config] as const),
    );
    fills.push(await page.evaluate((config) => bench.fillDevice(config), config));
    const host = await HostMemory.watch(page);
    loads.push(
      await page.evaluate(([form, config]) => bench.loadModelFile(form, config), [form, config] as const),
    );
    hosts.push((await host.stop()).overIdleBytes);
  }
  await page.evaluate((form) => bench.removeModelFile(form), form);
  const speed = (milliseconds: number) => bytes / 1e3 / milliseconds;
  const hostBytes = Math.max(...hosts);
  const ratio = median(raw) / median(loads);
  const row = {
    ...{ shape: 'SMOLLM2_135M', form, 'MB of the file': bytes / 1e6 },
    'MB/s loaded': speed(median(loads)),
    'MB/s to floats': speed(median(decodes)),
    'MB/s read only': speed(median(raw)),
    'seconds to load': median(loads) / 1000,
    'seconds to fill the device': median(fills) / 1000,
    'MiB of host memory over idle': hostBytes / 1024 ** 2,
  };
  return { row, ratio, hostBytes };
}

export async function loadSuite({ quick }: SuiteOptions): Promise<SuiteRun> {
  const session = await PageSession.open();
  try {
    const rows: Record<string, Cell>[] = [];
    const ratios: Record<string, number> = {};
    let hostPeakBytesOverIdle = 0;
    const device = await session.page.evaluate(() => bench.select('webgpu'));
    for (const form of LOAD_FORMS) {
      const { row, ratio, hostBytes } = await measure(session.page, form, quick ? 1 : 5);
      rows.push(row);
      console.error(Object.values(row).join('  '));
      const key = form.replace(' ', '.').toLowerCase();
      ratios[`${key}.rawRead`] = ratio;
      hostPeakBytesOverIdle = Math.max(hostPeakBytesOverIdle, hostBytes);
    }
    ratios['safetensors.rawRead'] = Math.min(
      ratios['safetensors.f32.rawRead'] ?? NaN,
      ratios['safetensors.bf16.rawRead'] ?? NaN,
    );
    ratios['gguf.rawRead'] = ratios['gguf.q4_k.rawRead'] ?? NaN;
    return {
      result: {
        ...{ suite: 'load', adapter: adapterLabel(device), rows, ratios },
        figures: { hostPeakBytesOverIdle },
      },
      browserVersion: session.browserVersion,
    };
  } finally {
    await session.close();
  }
}
