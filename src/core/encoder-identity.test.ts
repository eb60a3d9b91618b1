import { describe, expect, it } from 'vitest';
import { MemoryBlobStore } from '../lib/storage/memory-blob-store';
import type { ModelRecord } from '../protocol/models';
import { readEncoderIdentity } from './encoder-identity';

const FILES = { 'tokenizer.json': '{"a":1}', '1_Pooling/config.json': '{"pooling_mode_cls_token":true}' };

async function identityOf(files: Record<string, string>, changes: Partial<ModelRecord> = {}) {
  const blobs = new MemoryBlobStore();
  for (const [name, text] of Object.entries(files)) await blobs.write(`m/${name}`, new Blob([text]));
  const record = {
    id: 'm',
    name: 'M',
    fingerprint: 'f',
    location: { kind: 'blob', folder: 'm' },
  } as ModelRecord;
  return readEncoderIdentity({ ...record, ...changes }, blobs);
}

describe('encoder-identity', () => {
  it('encoder-identity: files decide, names do not', async () => {
    const { revision } = await identityOf(FILES);
    expect(revision).toMatch(/^[0-9a-f]{64}$/);
    expect((await identityOf(FILES, { id: 'other', name: 'Other' })).revision).toBe(revision);
  });

  it.each([
    ['weights', FILES, { fingerprint: 'g' }],
    ['weights', FILES, { variant: 'model_q4.onnx' }],
    ['tokenizer', { ...FILES, 'tokenizer.json': '{}' }, {}],
    ['tokenizer', { ...FILES, 'tokenizer_config.json': '{}' }, {}],
    ['pooling', { ...FILES, '1_Pooling/config.json': '{}' }, {}],
    ['pooling', { ...FILES, 'modules.json': '[]' }, {}],
    ['limits', { ...FILES, 'sentence_bert_config.json': '{}' }, {}],
    ['pictures', { ...FILES, 'preprocessor_config.json': '{}' }, {}],
  ])('encoder-identity: other %s are another encoder', async (part, files, changes) => {
    const [before, after] = [await identityOf(FILES), await identityOf(files, changes)];
    expect(after.revision).not.toBe(before.revision);
    const differing = Object.keys(after.parts).filter((name) => after.parts[name] !== before.parts[name]);
    expect(differing).toEqual([part]);
  });
});
