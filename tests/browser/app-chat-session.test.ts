// The chat's state against a hand-made engine: what is kept of answers that end, are stopped, fail or are asked again.
import { describe, expect, it, vi } from 'vitest';
import { ChatSession } from '../../src/app/state/chat-session.svelte';
import { Conversations } from '../../src/app/state/conversations.svelte';
import { defaultSettings } from '../../src/core/config/settings';
import { AppError } from '../../src/lib/errors';
import type { GenerationEvent, GenerationRequest, GenerationStats } from '../../src/protocol/inference';
import { watch } from './app-watch.svelte';

const stats: GenerationStats = {
  promptTokens: 3,
  completionTokens: 2,
  cachedTokens: 0,
  firstTokenMs: 1,
  tokensPerSecond: 1,
  seed: 1,
  fromResponseCache: false,
};
const start: GenerationEvent = { type: 'start', promptTokens: 3, contextLength: 512 };

type Script = (request: GenerationRequest, signal?: AbortSignal) => AsyncIterable<GenerationEvent>;

async function* says(...words: string[]): AsyncIterable<GenerationEvent> {
  await Promise.resolve();
  yield start;
  for (const text of words) yield { type: 'text', text };
  yield { type: 'finish', reason: 'stop', stats };
}

function refuses(error: AppError): AsyncIterable<GenerationEvent> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
}

/** Says a word and then waits to be stopped, as a long answer does. */
async function* saysUntilStopped(signal: AbortSignal | undefined): AsyncIterable<GenerationEvent> {
  yield start;
  yield { type: 'text', text: 'half' };
  await new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(new AppError('rpc.cancelled', 'Cancelled.')));
  });
}

function chat(generate: Script) {
  const requests: GenerationRequest[] = [];
  const conversations = new Conversations(Promise.resolve(null));
  const session = new ChatSession({
    engine: {
      generate: (request, signal) => {
        requests.push(request);
        return generate(request, signal);
      },
    },
    conversations,
    generation: defaultSettings.generation,
    onSaveError: (error) => {
      throw error;
    },
  });
  session.startNew({ modelId: 'm', adapterId: 'a' });
  return { session, conversations, requests };
}

async function ask(session: ChatSession, text: string): Promise<void> {
  session.draft = text;
  await session.send();
}

describe('chat session', () => {
  it('keeps a finished answer with its stats and is free again', async () => {
    const { session, conversations, requests } = chat(() => says('Hot', ' iron'));
    await ask(session, ' How hot? ');
    const [question, answer] = session.conversation.messages;
    expect(question?.variants[0]?.content).toBe('How hot?');
    expect(answer?.variants).toMatchObject([{ content: 'Hot iron', stats, interrupted: null }]);
    expect(session).toMatchObject({ busy: false, live: null, draft: '' });
    expect(requests[0]).toMatchObject({ maxTokens: defaultSettings.generation.maxTokens });
    expect(conversations.items).toHaveLength(1);
  });

  it('tells watchers when it becomes busy and free', async () => {
    const { session } = chat((_request, signal) => saysUntilStopped(signal));
    const { seen, stop } = watch(() => session.busy);
    await vi.waitFor(() => expect(seen).toEqual([false]));
    const answered = ask(session, 'a');
    await vi.waitFor(() => expect(seen.at(-1)).toBe(true));
    session.stop();
    await answered;
    await vi.waitFor(() => expect(seen.at(-1)).toBe(false));
    stop();
  });

  it('keeps what a stopped answer said so far', async () => {
    const { session } = chat((_request, signal) => saysUntilStopped(signal));
    const asked = ask(session, 'a');
    await vi.waitFor(() => expect(session.live?.text).toBe('half'));
    session.stop();
    await asked;
    const variant = session.conversation.messages[1]?.variants[0];
    expect(variant?.content).toBe('half');
    expect(variant?.interrupted).not.toBeNull();
    expect(session.failure).toBeNull();
  });

  it('adds a version when it is asked again and drops what followed', async () => {
    let count = 0;
    const { session } = chat(() => says(`answer ${(count += 1)}`));
    await ask(session, 'a');
    await ask(session, 'b');
    const first = session.conversation.messages[1];
    await session.regenerate(first?.id ?? '');
    expect(session.conversation.messages).toHaveLength(2);
    expect(session.conversation.messages[1]?.variants.map(({ content }) => content)).toEqual([
      'answer 1',
      'answer 3',
    ]);
    expect(session.conversation.messages[1]?.selected).toBe(1);
  });

  it('compares base and adapter with one seed', async () => {
    const { session, requests } = chat(() => says('x'));
    session.compare = true;
    await ask(session, 'a');
    expect(requests.map(({ target }) => target.adapterId)).toEqual([null, 'a']);
    const [base, tuned] = requests;
    expect(base?.sampling.seed).not.toBeNull();
    expect(tuned?.sampling.seed).toBe(base?.sampling.seed);
  });

  it('leaves out the oldest turns where the text is too long', async () => {
    const { session, requests } = chat((request) => {
      const messages = 'messages' in request.input ? request.input.messages.length : 0;
      return messages > 1 ? refuses(new AppError('inference.too-long', 'Too long.')) : says('short');
    });
    await ask(session, 'a');
    await ask(session, 'b');
    expect(requests).toHaveLength(3);
    expect(session.context?.dropped).toBe(2);
    expect(session.failure).toBeNull();
  });

  it('keeps a failure with the question that met it', async () => {
    const { session, conversations } = chat(() => refuses(new AppError('model.unknown', 'Gone.')));
    await ask(session, 'a');
    expect(session.failure?.error).toMatchObject({ code: 'model.unknown' });
    expect(conversations.items[0]?.messages[1]?.variants[0]?.interrupted).toContain('Gone.');
  });

  it('stops when another conversation is opened and does not touch that one', async () => {
    const { session, conversations } = chat((_request, signal) => saysUntilStopped(signal));
    const other = { ...session.conversation, id: 'other', updatedAt: 1 };
    await conversations.save(other);
    const asked = ask(session, 'a');
    await vi.waitFor(() => expect(session.live?.text).toBe('half'));
    session.open(other);
    await asked;
    expect(session.conversation).toEqual(other);
    const left = conversations.items.find(({ id }) => id !== 'other');
    expect(left?.messages[1]?.variants[0]?.content).toBe('half');
  });
});
