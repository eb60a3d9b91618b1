import { describe, expect, it } from 'vitest';
import type { DeviceReport } from '../../protocol/engine';
import { memoryLimit } from './memory-limit';

const GIB = 2 ** 30;
const adapter = (software: boolean) => ({ software }) as DeviceReport['adapter'];

describe('memory limit', () => {
  it.each([
    ['wasm ends with its heap', 'wasm', null, 8, 4 * GIB],
    ['wasm ends with its heap where the browser says nothing', 'wasm', null, null, 4 * GIB],
    ['wasm on a small machine', 'wasm', null, 2, 2 * GIB],
    ['plain JavaScript on a small machine', 'cpu', null, 4, 4 * GIB],
    ['8 means 8 or more', 'cpu', null, 8, null],
    ['a graphics card is not told of, whatever the machine has', 'webgpu', false, 4, null],
    ['a software adapter has the main memory', 'webgpu', true, 4, 4 * GIB],
    ['zero is no answer', 'cpu', null, 0, null],
  ] as const)('memory limit: %s', (_, backend, software, told, expected) => {
    const report = { backend, adapter: software === null ? null : adapter(software) };
    expect(memoryLimit(report, told)).toBe(expected);
  });
});
