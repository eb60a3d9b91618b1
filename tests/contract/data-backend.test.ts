// The contract of data backends on what the browser has: memory, a folder of its private file system, and a bucket that it
// reaches over the network.
import { commands } from 'vitest/browser';
import { createAwsBackend } from '../../src/data/backends/aws-backend';
import { LocalBackend } from '../../src/data/backends/local-backend';
import { MemoryBackend } from '../../src/data/backends/memory-backend';
import { browserClock } from '../../src/lib/async/browser-clock';
import { MemoryBlobStore } from '../../src/lib/storage/memory-blob-store';
import { describeWritableBackend } from './data-backend';

describeWritableBackend('memory', () => Promise.resolve(new MemoryBackend({ id: 'contract', now: () => 1 })));

describeWritableBackend('local', async () => {
  const origin = await navigator.storage.getDirectory();
  const folder = await origin.getDirectoryHandle(`contract-${crypto.randomUUID()}`, { create: true });
  return new LocalBackend({ id: 'contract', folder });
});

describeWritableBackend('aws', async () => {
  const { url, bucket, secrets } = await commands.openS3Bucket();
  return createAwsBackend({
    config: { id: 'contract', aws_bucket_name: bucket, aws_endpoint_url: url },
    secrets,
    folder: null,
    blobs: new MemoryBlobStore(),
    fetch: (input, init) => fetch(input, init),
    clock: browserClock,
    online: () => true,
  });
});
