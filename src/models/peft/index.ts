// Adapters in PEFT's layout (github.com/huggingface/peft): reading what people have, writing what others read.
export { ADAPTER_CONFIG, ADAPTER_WEIGHTS, badWeights, baseMismatch } from './adapter-faults';
export { parseAdapterConfig } from './adapter-config';
export { withoutPrefix } from './adapter-names';
export { encodeAdapter } from './encode-adapter';
export { inspectAdapter, type AdapterInspection } from './inspect-adapter';
export { peftFiles, peftModules, type PeftModules } from './peft-layout';
export { readPeftAdapter, type PeftReading } from './read-peft-adapter';
