// Lets tests in the browser have the local hub, which runs beside them in Node. It starts when it is first asked for.
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { BrowserCommand } from 'vitest/node';
import { HubServer, type HubRequest } from './hub-server';

export interface HubDatasetPlace {
  url: string;
  /** `owner/name`, gated. */
  name: string;
  token: string;
}

declare module 'vitest/browser' {
  interface BrowserCommands {
    /** A gated dataset of so many rows: `text` is `row 0` and so on, `other` is long. */
    openHubDataset: (rows: number) => Promise<HubDatasetPlace>;
    /** What the hub and its CDN were asked since the dataset was opened. */
    askedOfHub: () => Promise<HubRequest[]>;
  }
}

let starting: Promise<HubServer> | null = null;

const openHubDataset: BrowserCommand<[number]> = async ({ project }, rows): Promise<HubDatasetPlace> => {
  if (starting === null) {
    const started = HubServer.start();
    project.vitest.onClose(async () => (await started).stop());
    starting = started;
  }
  const hub = await starting;
  const name = 'forge/texts';
  const token = 'hf_secret';
  const text = Array.from({ length: rows }, (_, i) => `row ${i}`);
  const other = text.map((row) => `${row} `.repeat(100));
  const table = parquetWriteBuffer({
    codec: 'UNCOMPRESSED',
    columnData: [
      { name: 'text', data: text, type: 'STRING' },
      { name: 'other', data: other, type: 'STRING' },
    ],
  });
  hub.add(name, { 'default/train/0000.parquet': new Uint8Array(table) }, { gated: true });
  hub.tokens.set(token, new Set([name]));
  hub.requests.length = 0;
  return { url: hub.url, name, token };
};

const askedOfHub: BrowserCommand<[]> = async (): Promise<HubRequest[]> => (await starting)?.requests ?? [];

export const hubCommands = { openHubDataset, askedOfHub };
