// What the workers of a page take: the heap of each with the buffers that its arrays stand on, garbage that is not collected
// yet among it, sampled by the browser's debugger from outside. Code, stacks and the browser's own share are not in it.
import type { CDPSession, Page } from 'playwright';

const EVERY_MS = 50;

interface HeapUsage {
  usedSize: number;
  backingStorageSize: number;
}

export class WorkerMemory {
  readonly #session: CDPSession;
  readonly #workers: string[] = [];
  readonly #timer: NodeJS.Timeout;
  #peakBytes = 0;
  #samples = 0;
  #asked = 0;

  private constructor(session: CDPSession) {
    this.#session = session;
    session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.type === 'worker') this.#workers.push(sessionId);
    });
    session.on('Target.receivedMessageFromTarget', ({ message }) => this.#note(message));
    this.#timer = setInterval(() => this.#ask(), EVERY_MS);
  }

  /** Of the workers that there are. */
  static async watch(page: Page): Promise<WorkerMemory> {
    const session = await page.context().newCDPSession(page);
    const memory = new WorkerMemory(session);
    // Sessions of their own cannot be reached through this client: messages go through the page's.
    await session.send('Target.setAutoAttach', {
      ...{ autoAttach: true, waitForDebuggerOnStart: false, flatten: false },
    });
    return memory;
  }

  /** @returns the most that one worker took. @throws Error where no worker answered. */
  async stop(): Promise<number> {
    clearInterval(this.#timer);
    await this.#session.detach();
    if (this.#samples === 0) throw new Error('No worker told its memory.');
    return this.#peakBytes;
  }

  #ask(): void {
    for (const sessionId of this.#workers) {
      const message = JSON.stringify({ id: (this.#asked += 1), method: 'Runtime.getHeapUsage' });
      // A worker may end between two samples.
      this.#session.send('Target.sendMessageToTarget', { sessionId, message }).catch(() => undefined);
    }
  }

  #note(message: string): void {
    const { result } = JSON.parse(message) as { result?: Partial<HeapUsage> };
    if (result?.usedSize === undefined || result.backingStorageSize === undefined) return;
    this.#samples += 1;
    this.#peakBytes = Math.max(this.#peakBytes, result.usedSize + result.backingStorageSize);
  }
}
