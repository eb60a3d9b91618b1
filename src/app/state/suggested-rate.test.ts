import { describe, expect, it } from 'vitest';
import { followSuggestion } from './suggested-rate';

describe('suggested learning rate', () => {
  it('is high for LoRA on a small model', () => {
    expect(followSuggestion({ method: 'lora', learningRate: 1e-3 }, 1.3e6)).toBe(1e-2);
  });

  it('goes back for a larger model and for every weight', () => {
    expect(followSuggestion({ method: 'lora', learningRate: 1e-2 }, 135e6)).toBe(1e-3);
    expect(followSuggestion({ method: 'full', learningRate: 1e-2 }, 1.3e6)).toBe(1e-3);
  });

  it('leaves a rate of the user alone', () => {
    expect(followSuggestion({ method: 'lora', learningRate: 3e-4 }, 1.3e6)).toBe(3e-4);
  });
});
