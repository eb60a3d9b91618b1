import { afterEach, describe, expect, test } from 'vitest';
import { PeerData } from './peer-data';
import { serve } from './serve';

const ports: MessagePort[] = [];
afterEach(() => ports.splice(0).forEach((port) => port.close()));

/** The end of a channel whose other end answers each call with `answer`. */
function portTo(answer: () => Promise<unknown>): MessagePort {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  serve(port2, { api: { closePlan: answer } });
  return port1;
}

describe('peer-data', () => {
  test('peer: whoever calls while there is none shares the one port that is asked for', async () => {
    let asked = 0;
    const peer = new PeerData(() => {
      asked += 1;
      queueMicrotask(() => peer.attach(portTo(() => Promise.resolve('closed'))));
    });
    const calls = Promise.all([peer.api.closePlan('a'), peer.api.closePlan('b')]);
    expect(await calls).toEqual(['closed', 'closed']);
    expect(await peer.api.closePlan('c')).toBe('closed');
    expect(asked).toBe(1);
  });

  test('peer: a port in place of another one fails what was under way, and takes what comes', async () => {
    const peer = new PeerData(() => peer.attach(portTo(() => new Promise(() => undefined))));
    const lost = peer.api.closePlan('a').catch((error: unknown) => error);
    peer.attach(portTo(() => Promise.resolve('closed')));
    expect(await peer.api.closePlan('b')).toBe('closed');
    expect(await lost).toMatchObject({ code: 'worker.dead' });
  });

  test('peer: where none comes, the call says so, and the next one asks again', async () => {
    let asked = 0;
    let expire = () => {};
    const clock = { now: () => 0, after: (_ms: number, action: () => void) => ((expire = action), () => {}) };
    const peer = new PeerData(() => (asked += 1), clock);
    for (const round of [1, 2]) {
      const call = peer.api.closePlan('a').catch((error: unknown) => error);
      expire();
      expect(await call).toMatchObject({ code: 'worker.unavailable' });
      expect(asked).toBe(round);
    }
  });
});
