import { describe, expect, test } from 'vitest';
import { ENGINE_LOCK, forwardToOwner, parseBrokerMessage, type BrokerScope } from './broker';

function scopeWith(clients: string[], sent: unknown[][]): BrokerScope {
  return {
    queryLocks: () =>
      Promise.resolve({
        held: [
          { name: 'other', clientId: 'b', mode: 'exclusive' },
          { name: ENGINE_LOCK, clientId: 'a', mode: 'exclusive' },
        ],
        pending: [],
      }),
    findClient: (id) =>
      Promise.resolve(
        clients.includes(id)
          ? { postMessage: (...args: unknown[]) => void sent.push([id, ...args]) }
          : undefined,
      ),
  };
}

describe('port broker', () => {
  test('forward: the port goes to the tab that holds the lock', async () => {
    const { port1, port2 } = new MessageChannel();
    const sent: unknown[][] = [];
    const message = { type: 'fragua:connect', kind: 'engine', callerLock: 'c' } as const;
    await expect(forwardToOwner(scopeWith(['a', 'b'], sent), message, port1)).resolves.toBe(true);
    expect(sent).toEqual([['a', message, [port1]]]);
    port1.close();
    port2.close();
  });

  test('forward: says so where the owner is no tab any more', async () => {
    const { port1 } = new MessageChannel();
    const message = { type: 'fragua:connect', kind: 'data', callerLock: 'c' } as const;
    await expect(forwardToOwner(scopeWith([], []), message, port1)).resolves.toBe(false);
    port1.close();
  });

  test('parse: only our message with a known kind', () => {
    expect(parseBrokerMessage({ type: 'fragua:connect', kind: 'engine', callerLock: 'c' })).not.toBeNull();
    expect(parseBrokerMessage({ type: 'fragua:connect', kind: 'other', callerLock: 'c' })).toBeNull();
    expect(parseBrokerMessage('fragua:connect')).toBeNull();
    expect(parseBrokerMessage(null)).toBeNull();
  });
});
