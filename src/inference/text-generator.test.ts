import { describe, expect, it } from 'vitest';
import { nextEventTurn } from '../lib/async/event-turn';
import type { GenerationEvent, GenerationRequest } from '../protocol/inference';
import { ResponseCache } from './response-cache';
import { SessionPool } from './session-pool';
import { createToyModel, scriptedAnswer, type ToyLoadedModel } from './testing/toy-language-model';
import { TextGenerator } from './text-generator';

const request = (prompt: string, changes: Partial<GenerationRequest> = {}): GenerationRequest => ({
  target: { modelId: 'toy', adapterId: null },
  input: { prompt },
  sampling: { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: null },
  maxTokens: 8,
  stop: [],
  ...changes,
});
const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: null };

function setUp(model: ToyLoadedModel = createToyModel(), seeds: number[] = [1]) {
  const sessions = new SessionPool();
  const cache = new ResponseCache(null);
  let time = 0;
  const generator = new TextGenerator({
    sessions,
    cache,
    now: () => (time += 10),
    drawSeed: () => seeds.shift() ?? 99,
    turn: (work) => work(),
    giveWay: nextEventTurn,
  });
  const run = async (asked: GenerationRequest, signal = new AbortController().signal) => {
    const events: GenerationEvent[] = [];
    for await (const event of generator.generate({ model, adapter: null }, asked, signal)) events.push(event);
    const text = events.map((event) => (event.type === 'text' ? event.text : '')).join('');
    const last = events.at(-1);
    if (last?.type !== 'finish') throw new Error('the stream did not finish');
    return { events, text, reason: last.reason, stats: last.stats };
  };
  return { generator, model, sessions, cache, run };
}

describe('TextGenerator', () => {
  it('stop token: ends the answer and is not shown', async () => {
    const { run } = setUp(createToyModel({ next: scriptedAnswer(2, 'yes') }));
    const { text, reason, stats, events } = await run(request('Q:', { sampling: greedy }));
    expect([text, reason, stats.completionTokens, stats.promptTokens]).toEqual(['yes', 'stop', 3, 2]);
    expect(events[0]).toEqual({ type: 'start', promptTokens: 2, contextLength: 40 });
  });

  it('max tokens and a full context: both end with length', async () => {
    const { run } = setUp();
    expect(await run(request('abc', { maxTokens: 5 }))).toMatchObject({
      reason: 'length',
      stats: { completionTokens: 5 },
    });
    // 37 of 40 tokens are the prompt: three more fit.
    const full = await run(request('x'.repeat(37), { maxTokens: 99 }));
    expect(full).toMatchObject({ reason: 'length', stats: { completionTokens: 3 } });
  });

  it('stop string over token borders: neither shown nor followed', async () => {
    const { run } = setUp(createToyModel({ next: scriptedAnswer(1, 'hi\nUser: more') }));
    const { text, reason } = await run(request('Q', { sampling: greedy, maxTokens: 30, stop: ['\nUser:'] }));
    expect([text, reason]).toEqual(['hi', 'stop']);
  });

  it('prompt longer than the context: an error with both numbers, no event', async () => {
    const { run } = setUp();
    await expect(run(request('x'.repeat(40)))).rejects.toMatchObject({
      code: 'inference.too-long',
      message: "The prompt has 40 tokens, but the model's context holds 40.",
    });
  });

  it('seed: repeats the text; without one a fresh seed is drawn and reported', async () => {
    const seeded = request('once', { sampling: { ...request('').sampling, seed: 5 } });
    const first = await setUp().run(seeded);
    const second = await setUp().run(seeded);
    expect(second.text).toBe(first.text);
    const fresh = setUp(createToyModel(), [3, 5]);
    const other = await fresh.run(request('once'));
    expect(other.stats.seed).toBe(3);
    expect(other.text).not.toBe(first.text);
    expect((await fresh.run(request('once'))).text).toBe(first.text);
  });

  it('longest common prefix: only new tokens are computed and the text is that of a fresh session', async () => {
    const { run, model } = setUp();
    const asked = (prompt: string) => request(prompt, { sampling: { ...greedy, temperature: 1, seed: 2 } });
    await run(asked('the same start'));
    const reused = await run(asked('the same end'));
    // 'the same ' has 9 characters; 'e' and 's' differ after it.
    expect(reused.stats.cachedTokens).toBe(9);
    expect(model.sessions).toHaveLength(1);
    expect(reused.text).toBe((await setUp().run(asked('the same end'))).text);
  });

  it('the same prompt again: its last token is fed anew', async () => {
    const { run } = setUp();
    await run(request('abcdef'));
    expect((await run(request('abcdef'))).stats.cachedTokens).toBe(5);
  });

  it('response cache: the second identical request is answered from it', async () => {
    const { run, model } = setUp();
    const asked = request('cached', { sampling: greedy });
    const first = await run(asked);
    const fed = model.sessions[0]?.feeds.length;
    const second = await run(asked);
    expect(second.text).toBe(first.text);
    expect(second.reason).toBe(first.reason);
    expect([first.stats.fromResponseCache, second.stats.fromResponseCache]).toEqual([false, true]);
    expect(model.sessions[0]?.feeds.length).toBe(fed);
  });

  it('response cache: unseeded sampling is never cached', async () => {
    const { run } = setUp();
    await run(request('free'));
    expect((await run(request('free'))).stats.fromResponseCache).toBe(false);
  });

  it('cancel: ends between tokens, keeps the session, is not cached', async () => {
    const { generator, model, sessions, run } = setUp();
    const controller = new AbortController();
    const asked = request('go on', { maxTokens: 30, sampling: greedy });
    const events: GenerationEvent[] = [];
    for await (const event of generator.generate({ model, adapter: null }, asked, controller.signal)) {
      events.push(event);
      if (events.length === 4) controller.abort();
    }
    expect(events.at(-1)).toMatchObject({
      type: 'finish',
      reason: 'cancelled',
      stats: { completionTokens: 3 },
    });
    expect(sessions.size).toBe(1);
    expect((await run(asked)).stats.fromResponseCache).toBe(false);
  });

  it('cancel during a long prompt: stops after the piece in progress', async () => {
    const record = { ...createToyModel().record, contextLength: 1000 };
    const { run, model } = setUp(createToyModel({ record }));
    const controller = new AbortController();
    const running = run(request('x'.repeat(900)), controller.signal);
    await nextEventTurn();
    await nextEventTurn();
    controller.abort();
    expect((await running).reason).toBe('cancelled');
    expect(model.sessions[0]?.length).toBeLessThan(900);
  });

  it('a reader that leaves: the session is whole and free again', async () => {
    const { generator, model, sessions, run } = setUp();
    for await (const event of generator.generate(
      { model, adapter: null },
      request('leave'),
      new AbortController().signal,
    )) {
      if (event.type === 'text') break;
    }
    expect(sessions.size).toBe(1);
    expect((await run(request('leave'))).stats.cachedTokens).toBe(4);
  });

  it('a feed that fails: the session is dropped, the error passed on', async () => {
    let fail = true;
    const { run, model, sessions } = setUp(
      createToyModel({
        next: () => {
          if (fail) throw new Error('device lost');
          return null;
        },
      }),
    );
    await expect(run(request('a'))).rejects.toThrow('device lost');
    expect([sessions.size, model.sessions[0]?.disposed]).toEqual([0, true]);
    fail = false;
    expect((await run(request('a'))).reason).toBe('length');
  });
});
