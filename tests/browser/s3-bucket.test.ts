// A bucket as the browser reaches it: over CORS, by ranges, and with what a browser hides of a refusal.
import { expect, test } from 'vitest';
import { commands } from 'vitest/browser';
import { createAwsBackend } from '../../src/data/backends/aws-backend';
import type { DataBackend } from '../../src/data/backends/data-backend';
import { browserClock } from '../../src/lib/async/browser-clock';
import { MemoryBlobStore } from '../../src/lib/storage/memory-blob-store';

const CONTENT = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);

async function bucket(): Promise<DataBackend> {
  const { url, bucket: name, secrets } = await commands.openS3Bucket();
  return createAwsBackend({
    config: { id: 'b', aws_bucket_name: name, aws_endpoint_url: url },
    secrets,
    folder: null,
    blobs: new MemoryBlobStore(),
    fetch: (input, init) => fetch(input, init),
    clock: { ...browserClock, sleep: () => Promise.resolve() },
    online: () => true,
  });
}

test('s3 bucket: a part of an object is all that crosses the network', async () => {
  const backend = await bucket();
  await backend.write('corpus/big.bin', CONTENT);
  const source = await backend.open('corpus/big.bin');
  expect(source?.size).toBe(CONTENT.length);
  const part = await source?.slice(70_000, 70_005).arrayBuffer();
  expect(new Uint8Array(part ?? [])).toEqual(CONTENT.slice(70_000, 70_005));
  const asked = await commands.askedOfS3();
  expect(asked.map(({ method, range }) => [method, range])).toEqual([
    ['PUT', null],
    ['GET', 'bytes=0-65535'],
    ['GET', 'bytes=70000-70004'],
  ]);
  expect(asked.every(({ headers }) => headers['origin'] === location.origin)).toBe(true);
});

test('s3 bucket: a connection that is cut is gone on with where it was', async () => {
  const backend = await bucket();
  await backend.write('big.bin', CONTENT);
  await commands.setS3({
    faults: [{ kind: 'cut', method: 'GET', path: 'big.bin', times: 1, afterBytes: 60_000 }],
  });
  const stream = await backend.openStream('big.bin');
  const read = new Uint8Array(await new Response(stream).arrayBuffer());
  expect(read.length).toBe(CONTENT.length);
  expect(read.every((byte, index) => byte === CONTENT[index])).toBe(true);
});

test('s3 bucket: without CORS rules the remedy names this page and what to allow', async () => {
  const backend = await bucket();
  await commands.setS3({ cors: false });
  const advice = `CORS rules keep this page out: let them allow ${location.origin}`;
  const remedy = expect.stringContaining(advice) as string;
  await expect(backend.check()).rejects.toMatchObject({
    code: 'backend.unreachable',
    remedy,
  });
});

test('s3 bucket: a refused key is told as such, not as a network that is down', async () => {
  const { url, bucket: name, secrets } = await commands.openS3Bucket();
  const backend = createAwsBackend({
    config: { id: 'b', aws_bucket_name: name, aws_endpoint_url: url },
    secrets: { ...secrets, aws_secret_access_key: 'wrong' },
    folder: null,
    blobs: new MemoryBlobStore(),
    fetch: (input, init) => fetch(input, init),
    clock: browserClock,
    online: () => true,
  });
  await expect(backend.check()).rejects.toMatchObject({
    code: 'backend.denied',
    details: { code: 'SignatureDoesNotMatch' },
  });
  expect(await commands.askedOfS3()).toHaveLength(1);
});
