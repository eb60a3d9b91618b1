import { describe, expect, test } from 'vitest';
import { OWNER_QUESTION, forwardToOwner, parseBrokerMessage, type TabClient } from './broker';

function tab(owns: boolean, sent: unknown[]): TabClient {
  return {
    postMessage(message, [port]) {
      if (message === OWNER_QUESTION) (port as MessagePort).postMessage(owns);
      else sent.push(message, port);
    },
  };
}

const message = { type: 'fragua:connect', kind: 'engine', callerLock: 'c' } as const;

describe('port broker', () => {
  test('forward: the port goes to the tab that owns the workers', async () => {
    const { port1 } = new MessageChannel();
    const others: unknown[] = [];
    const sent: unknown[] = [];
    await expect(forwardToOwner([tab(false, others), tab(true, sent)], message, port1)).resolves.toBe(true);
    expect(sent).toEqual([message, port1]);
    expect(others).toEqual([]);
    port1.close();
  });

  test('forward: says so where no tab owns them', async () => {
    const { port1 } = new MessageChannel();
    await expect(forwardToOwner([tab(false, [])], message, port1)).resolves.toBe(false);
    port1.close();
  });

  test('parse: only our message with a known kind', () => {
    expect(parseBrokerMessage({ type: 'fragua:connect', kind: 'engine', callerLock: 'c' })).not.toBeNull();
    expect(parseBrokerMessage({ type: 'fragua:connect', kind: 'other', callerLock: 'c' })).toBeNull();
    expect(parseBrokerMessage('fragua:connect')).toBeNull();
    expect(parseBrokerMessage(null)).toBeNull();
  });
});
