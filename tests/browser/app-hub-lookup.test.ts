// What is known of a repository before it is downloaded, against a hand-made hub and engine.
import { describe, expect, it, vi } from 'vitest';
import { HubLookup, isRefused, requestOf } from '../../src/app/state/hub-lookup.svelte';
import { AppError } from '../../src/lib/errors';
import type { DescribedModel, ModelEstimate } from '../../src/protocol/engine';
import type { HubChoice, HubDownloadRequest, HubRepository } from '../../src/protocol/hub';
import { watch } from './app-watch.svelte';

const choice = (name: string, quantisation: string | null, more: Partial<HubChoice> = {}): HubChoice => ({
  ...{ id: `gguf ${name}`, format: 'gguf', quantisation, files: [], sizeBytes: 1 },
  ...more,
});
const SMALL = choice('m-Q4_0', 'Q4_0');
const LARGE = choice('m-Q8_0', 'Q8_0');
const OTHER = choice('n-Q8_0', 'Q8_0');
const WEIGHTS = choice('', null, { id: 'safetensors', format: 'safetensors' });

const repository = (choices: HubChoice[], id = 'a/b'): HubRepository => ({
  ...{ id, revision: 'main', commit: 'c'.repeat(40), gated: false, license: null },
  choices,
});
const estimate = (parameters: number): ModelEstimate => ({
  ...{ parameters, contextLength: 1, limitBytes: null, arrayLimitBytes: null },
  ...{ chat: [], train: [] },
});
/** The parameters that an answer is of, or the code of its error. */
const answerOf = (lookup: HubLookup, of: HubChoice): unknown => {
  const answer = lookup.estimateOf(of);
  if (answer === null) return null;
  return 'estimate' in answer ? answer.estimate.parameters : (answer.error as AppError).code;
};
const badStorage = new AppError('model.unsupported', 'IQ', { details: { tensor: 't', type: 'IQ2_XS' } });

interface Bench {
  inspect?: (address: string) => Promise<HubRepository>;
  read?: (request: HubDownloadRequest) => Promise<string>;
  judge?: (configJson: string) => Promise<ModelEstimate>;
}

function bench({ inspect, read, judge }: Bench) {
  const calls = { read: [] as string[], judged: [] as string[], tokens: [] as (string | null)[] };
  const lookup = new HubLookup(
    {
      inspectRepository: (address, token) => {
        calls.tokens.push(token);
        return inspect?.(address) ?? Promise.reject(new Error('unused'));
      },
      readModelConfig: (request, token) => {
        calls.tokens.push(token);
        calls.read.push(request.choice.id);
        return read?.(request) ?? Promise.resolve(request.choice.id);
      },
    },
    {
      estimateModel: (model: DescribedModel) => {
        const text = 'configJson' in model ? model.configJson : '';
        calls.judged.push(text);
        return judge?.(text) ?? Promise.resolve(estimate(text.length));
      },
    },
    () => Promise.resolve('hf_token'),
  );
  return { lookup, calls };
}

describe('hub lookup', () => {
  it('hub lookup: storages of a model are judged by one configuration, other models by their own', async () => {
    const { lookup, calls } = bench({
      inspect: () => Promise.resolve(repository([SMALL, LARGE, OTHER, WEIGHTS])),
    });
    const { seen, stop } = watch(() => answerOf(lookup, LARGE));
    await vi.waitFor(() => expect(seen).toEqual([null]));
    await lookup.ask('a/b');
    expect(calls.read).toEqual([SMALL.id, OTHER.id, 'safetensors']);
    expect(answerOf(lookup, SMALL)).toBe(SMALL.id.length);
    expect(answerOf(lookup, LARGE)).toBe(SMALL.id.length);
    expect(answerOf(lookup, WEIGHTS)).toBe('safetensors'.length);
    await vi.waitFor(() => expect(seen.at(-1)).toBe(SMALL.id.length));
    stop();
    expect(lookup).toMatchObject({ asking: false, error: null, found: { address: 'a/b' } });
    expect(new Set(calls.tokens)).toEqual(new Set(['hf_token']));
  });

  it('hub lookup: a file in a storage that is not read says so, and the next one tells of the model', async () => {
    const unreadable = choice('m-IQ2_XS', 'IQ2_XS', { unreadable: true });
    const { lookup, calls } = bench({
      inspect: () => Promise.resolve(repository([SMALL, unreadable, LARGE])),
      read: ({ choice: { id } }) => (id === SMALL.id ? Promise.reject(badStorage) : Promise.resolve('{}')),
    });
    await lookup.ask('a/b');
    // One is not even asked for: its name tells.
    expect(calls.read).toEqual([SMALL.id, LARGE.id]);
    expect([unreadable, SMALL, LARGE].map((of) => answerOf(lookup, of))).toEqual([
      'model.unsupported',
      'model.unsupported',
      2,
    ]);
    expect([unreadable, SMALL, LARGE].map((of) => isRefused(lookup.estimateOf(of)))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('hub lookup: what is wrong with a model is wrong with all its files; a model beside it is judged', async () => {
    const unknown = new AppError('model.unsupported', 'Mamba', { details: { architecture: 'mamba' } });
    const { lookup, calls } = bench({
      inspect: () => Promise.resolve(repository([SMALL, LARGE, OTHER])),
      read: ({ choice: { id } }) => (id === OTHER.id ? Promise.resolve('{}') : Promise.reject(unknown)),
    });
    await lookup.ask('a/b');
    expect(calls.read).toEqual([SMALL.id, OTHER.id]);
    expect([SMALL, LARGE, OTHER].map((of) => answerOf(lookup, of))).toEqual([
      'model.unsupported',
      'model.unsupported',
      2,
    ]);
  });

  it('hub lookup: a trouble on the way is no verdict on the model', async () => {
    const { lookup } = bench({
      inspect: () => Promise.resolve(repository([WEIGHTS])),
      read: () => Promise.reject(new AppError('download.offline', 'no net')),
    });
    await lookup.ask('a/b');
    expect(answerOf(lookup, WEIGHTS)).toBe('download.offline');
    expect(isRefused(lookup.estimateOf(WEIGHTS))).toBe(false);
    expect(lookup.error).toBeNull();
  });

  it('hub lookup: a repository that cannot be read leaves its reason and nothing of the one before', async () => {
    const { lookup } = bench({
      inspect: (address) =>
        address === 'a/b' ? Promise.resolve(repository([SMALL])) : Promise.reject(new Error('gone')),
    });
    await lookup.ask('a/b');
    await lookup.ask('c/d');
    expect(lookup.error).toEqual(new Error('gone'));
    expect(lookup).toMatchObject({ found: null, asking: false });
    expect(answerOf(lookup, SMALL)).toBeNull();
  });

  it('hub lookup: the later question wins, whichever is answered first', async () => {
    const slow = Promise.withResolvers<HubRepository>();
    const { lookup } = bench({
      inspect: (address) =>
        address === 'slow' ? slow.promise : Promise.resolve(repository([LARGE], 'quick')),
    });
    const first = lookup.ask('slow');
    await lookup.ask('quick');
    slow.resolve(repository([SMALL], 'slow'));
    await first;
    expect(lookup.found?.repository.id).toBe('quick');
    expect(answerOf(lookup, SMALL)).toBeNull();
    expect(lookup.asking).toBe(false);
  });

  it('hub lookup: clearing forgets answers, and drops those on their way', async () => {
    const slow = Promise.withResolvers<string>();
    const { lookup } = bench({
      inspect: () => Promise.resolve(repository([SMALL, WEIGHTS])),
      read: ({ choice: { id } }) => (id === SMALL.id ? Promise.resolve('{}') : slow.promise),
    });
    const asked = lookup.ask('a/b');
    await vi.waitFor(() => expect(answerOf(lookup, SMALL)).toBe(2));
    lookup.clear();
    expect(lookup).toMatchObject({ found: null, error: null, asking: false });
    expect(answerOf(lookup, SMALL)).toBeNull();
    slow.resolve('{"late":1}');
    await asked;
    expect(answerOf(lookup, WEIGHTS)).toBeNull();
  });

  it('hub lookup: another device is asked without asking the hub again', async () => {
    let device = 1;
    const { lookup, calls } = bench({
      inspect: () => Promise.resolve(repository([SMALL, LARGE, OTHER])),
      judge: () => Promise.resolve(estimate(device)),
    });
    await lookup.ask('a/b');
    device = 2;
    const { length } = calls.tokens;
    await lookup.askDevice();
    expect([SMALL, LARGE, OTHER].map((of) => answerOf(lookup, of))).toEqual([2, 2, 2]);
    expect(calls.tokens).toHaveLength(length);
  });

  it('hub lookup: a device that changes while an answer is on its way is asked again', async () => {
    const answers: PromiseWithResolvers<ModelEstimate>[] = [];
    const { lookup } = bench({
      inspect: () => Promise.resolve(repository([SMALL])),
      judge: () => {
        const answer = Promise.withResolvers<ModelEstimate>();
        answers.push(answer);
        return answer.promise;
      },
    });
    const asked = lookup.ask('a/b');
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    await lookup.askDevice();
    answers[0]?.resolve(estimate(1));
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    answers[1]?.resolve(estimate(2));
    await asked;
    expect(answerOf(lookup, SMALL)).toBe(2);
  });

  it('hub lookup: of two changes of the device the later one counts', async () => {
    const answers: PromiseWithResolvers<ModelEstimate>[] = [];
    const { lookup } = bench({
      inspect: () => Promise.resolve(repository([SMALL])),
      judge: () => {
        const answer = Promise.withResolvers<ModelEstimate>();
        answers.push(answer);
        return answer.promise;
      },
    });
    const asked = lookup.ask('a/b');
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    answers[0]?.resolve(estimate(1));
    await asked;
    const both = [lookup.askDevice(), lookup.askDevice()];
    answers[2]?.resolve(estimate(3));
    await both[1];
    answers[1]?.resolve(estimate(2));
    await both[0];
    expect(answerOf(lookup, SMALL)).toBe(3);
  });

  it('hub lookup: the storage of a file by its name, or by what the configuration says', async () => {
    const { lookup } = bench({
      inspect: () => Promise.resolve(repository([SMALL, WEIGHTS])),
      read: () => Promise.resolve('{"torch_dtype":"bfloat16"}'),
    });
    expect(lookup.precisionOf(WEIGHTS)).toBeNull();
    await lookup.ask('a/b');
    expect([SMALL, WEIGHTS].map((of) => lookup.precisionOf(of))).toEqual(['Q4_0', 'BF16']);
  });

  it('hub lookup: what a download is asked with', () => {
    const { id, commit, license } = repository([]);
    expect(requestOf(repository([SMALL]), SMALL)).toEqual({
      ...{ repositoryId: id, commit, license },
      choice: SMALL,
    });
  });
});
