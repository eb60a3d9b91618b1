// The contract of data backends on what the browser has: memory, and a folder of its private file system.
import { LocalBackend } from '../../src/data/backends/local-backend';
import { MemoryBackend } from '../../src/data/backends/memory-backend';
import { describeDataBackend } from './data-backend';

describeDataBackend('memory', () => Promise.resolve(new MemoryBackend({ id: 'contract', now: () => 1 })));

describeDataBackend('local', async () => {
  const origin = await navigator.storage.getDirectory();
  const folder = await origin.getDirectoryHandle(`contract-${crypto.randomUUID()}`, { create: true });
  return new LocalBackend({ id: 'contract', folder });
});
