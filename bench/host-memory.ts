// What a page takes of ordinary memory over a while: its heap with the buffers that arrays stand on. Sampled, since the most
// is what counts.
import type { CDPSession, Page } from 'playwright';

const EVERY_MS = 100;

export class HostMemory {
  readonly #session: CDPSession;
  readonly #idleBytes: number;
  #peakBytes = 0;
  #sampling: Promise<void> | null = null;
  #stopped = false;

  private constructor(session: CDPSession, idleBytes: number) {
    this.#session = session;
    this.#idleBytes = idleBytes;
  }

  /** From what is in use now, once all garbage is gone. */
  static async watch(page: Page): Promise<HostMemory> {
    const session = await page.context().newCDPSession(page);
    await session.send('HeapProfiler.collectGarbage');
    const memory = new HostMemory(session, await usedBytes(session));
    memory.#sampling = memory.#sample();
    return memory;
  }

  async stop(): Promise<{ overIdleBytes: number }> {
    this.#stopped = true;
    await this.#sampling;
    await this.#session.detach();
    return { overIdleBytes: this.#peakBytes - this.#idleBytes };
  }

  async #sample(): Promise<void> {
    while (!this.#stopped) {
      this.#peakBytes = Math.max(this.#peakBytes, await usedBytes(this.#session));
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
}

async function usedBytes(session: CDPSession): Promise<number> {
  const { usedSize, backingStorageSize } = await session.send('Runtime.getHeapUsage');
  return usedSize + backingStorageSize;
}
