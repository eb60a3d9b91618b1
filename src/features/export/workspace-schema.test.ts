import { describe, expect, it } from 'vitest';
import { mixOf } from '../../core/config/dataset-mix';
import { trainingDefaults } from '../../core/config/training-config';
import type { Conversation } from '../../protocol/conversations';
import { conversationJson } from './conversation-json';
import { parseWorkspace } from './workspace-schema';

const conversation: Conversation = {
  id: 'c1',
  title: 'Hot iron',
  pinned: false,
  systemPrompt: '',
  target: { modelId: 'm', adapterId: null },
  sampling: { temperature: 0.8, topK: 50, topP: 0.95, minP: 0, repetitionPenalty: 1.1, seed: null },
  maxTokens: 128,
  stop: [],
  messages: [
    {
      id: 'q',
      role: 'user',
      variants: [{ content: 'How hot?', target: null, stats: null, interrupted: null, createdAt: 1 }],
      selected: 0,
    },
  ],
  createdAt: 1,
  updatedAt: 2,
};

describe('workspace file', () => {
  it('takes a conversation exported on its own', async () => {
    const { blob } = conversationJson.export(conversation);
    const { conversations, runs } = parseWorkspace(JSON.parse(await blob.text()));
    expect(conversations).toEqual([conversation]);
    expect(runs).toBeUndefined();
  });

  it('keeps the mix of a run, and what the run knows of its data', () => {
    const config = { ...trainingDefaults, name: 'r', modelId: 'm', startFromAdapterId: null, datasetId: 'a' };
    const record = {
      ...{ id: 'r', config: { ...config, mix: mixOf(['a', 'b']) }, status: 'paused', totalSteps: 9 },
      clock: { epoch: 0, microStep: 4, optimizerStep: 4 },
      ...{ parameters: 2, trainableParameters: 2, backend: 'cpu' },
      ...{ evalLossBefore: null, evalLossBest: null, evalLossLast: null, lastMetrics: null },
      ...{ adapterId: null, tunedModelId: null, note: 'gone', createdAt: 1, updatedAt: 2 },
      left: [{ datasetId: 'b', fromMicroStep: 4, rows: 6, batches: 3 }],
      shares: [{ datasetId: 'a', rows: 6, batches: 3, draws: 9, toppedUp: 0 }],
      lost: { code: 'storage.missing', message: 'gone', remedy: null, datasetId: 'b' },
      sampling: { 'padding-share': 0.1 },
    };
    const file = { kind: 'fragua.workspace', version: 1, exportedAt: 0, runs: [{ record, metrics: [] }] };
    expect(parseWorkspace(file).runs?.[0]?.record).toEqual(record);
  });

  it('refuses another file and a damaged conversation', () => {
    expect(() => parseWorkspace({ hello: 1 })).toThrow('not a file exported');
    expect(() => parseWorkspace({ ...conversation, maxTokens: 'many' })).toThrow('conversations.0.maxTokens');
  });
});
