import { expect, it } from 'vitest';
import { backendFromAddress } from './backend-override';

it('backend override: takes a known backend from the address and nothing else', () => {
  expect(backendFromAddress({ search: '?backend=wasm' })).toBe('wasm');
  expect(backendFromAddress({ search: '?backend=cuda' })).toBeNull();
  expect(backendFromAddress({ search: '' })).toBeNull();
});
