// The quality service of a test: tokens are characters, and nothing else looks at the datasets.
import { ExampleEncoder } from '../../data/examples/example-encoder';
import { CHARACTERS } from '../../data/testing/characters';
import type { MemoryData } from '../../data/testing/memory-data';
import { createPlainTemplate } from '../../lib/text/plain-template';
import { QualityService } from '../quality-service';

export const characterEncoder = (): ExampleEncoder =>
  new ExampleEncoder(CHARACTERS, createPlainTemplate(CHARACTERS));

export interface QualityFixture {
  encoder?: () => Promise<ExampleEncoder>;
  forgetDataset?: (id: string) => void;
}

export function qualityService(data: MemoryData, fixture: QualityFixture = {}): QualityService {
  const { encoder = () => Promise.resolve(characterEncoder()), forgetDataset = () => undefined } = fixture;
  return new QualityService({
    ...data,
    tools: { encoderFor: encoder },
    plans: { forgetDataset },
    now: () => 7,
    beat: () => undefined,
  });
}
