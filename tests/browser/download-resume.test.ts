// A download through OPFS and IndexedDB, its worker killed in the middle as by a closed tab, and gone on with by another.
import { expect, test } from 'vitest';
import { OpfsBlobStore } from '../../src/lib/storage/opfs-blob-store';
import type { SessionNote, SessionOrder } from './download-resume.worker';

const url = new URL('/models/chispa/model.safetensors', location.href).href;

/** Runs a session until it ends by itself or `enough` says so; then its worker is ended without a word. */
async function session(order: SessionOrder, enough: (note: SessionNote) => boolean): Promise<SessionNote[]> {
  const worker = new Worker(new URL('./download-resume.worker.ts', import.meta.url), { type: 'module' });
  const notes: SessionNote[] = [];
  await new Promise<void>((resolve, reject) => {
    worker.addEventListener('error', (event) => reject(new Error(event.message)));
    worker.addEventListener('message', ({ data }: MessageEvent<SessionNote>) => {
      notes.push(data);
      if (data.type === 'done' || data.type === 'failed' || enough(data)) resolve();
    });
    worker.postMessage(order);
  });
  worker.terminate();
  return notes;
}

function askedBytes(notes: SessionNote[]): number {
  return notes.reduce((sum, note) => {
    if (note.type !== 'asked') return sum;
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(note.range) ?? [];
    return sum + Number(end) - Number(start) + 1;
  }, 0);
}

async function sha256(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

test('download: a worker that was killed in the middle is followed by one that asks only for the rest', async () => {
  const whole = await (await fetch(url)).blob();
  const hex = await sha256(whole);
  const store = `download-${crypto.randomUUID()}`;
  const target = 'downloads/model.safetensors';
  const checksum = { algorithm: 'sha256' as const, hex };
  const request = { id: 'one', url, target, sizeBytes: whole.size, checksum };

  const half = whole.size / 2;
  const killed = await session(
    { store, request, pauseMs: 100 },
    (note) => note.type === 'progress' && note.bytes > half,
  );
  expect(killed.at(-1)).toMatchObject({ type: 'progress' });
  const blobs = await OpfsBlobStore.open(store);
  expect(await blobs.read(target)).toBeNull();

  const rest = await session({ store, request, pauseMs: 0 }, () => false);
  expect(rest.at(-1)).toEqual({ type: 'done', kind: 'OpfsPartialFiles' });
  expect(askedBytes(rest)).toBeLessThan(whole.size * 0.75);
  const kept = await blobs.read(target);
  expect(kept === null ? null : await sha256(kept)).toBe(hex);
  expect((await blobs.list('')).map(({ path }) => path)).toEqual([target]);
});
