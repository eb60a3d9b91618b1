// The named factories that this application extends at run time, and the provider that puts them into a container.
import type { Conversation } from '../protocol/conversations';
import type { NamedFile } from '../protocol/models';
import { createToken, type ServiceProvider, type Token } from './container';
import { DynamicFactory } from './factory';
import type { SamplingMetric, SamplingStrategy } from './sampling';

/**
 * Factor on the configured learning rate. `step` counts optimizer steps from 1 to `totalSteps`; the first
 * `warmupSteps` of them rise to 1. Always finite, above 0 and at most 1.
 */
export type Schedule = (step: number, totalSteps: number, warmupSteps: number) => number;

/** Turns one conversation into a file. */
export interface ConversationExporter {
  export(conversation: Conversation): NamedFile;
}

/** Opens a place that data lies in. Its settings are those of a text dataset and these, by name, with a help text each. */
export interface BackendBuilder {
  readonly settings?: Readonly<Record<string, string>>;
  /** @param options `BackendOptions` of data/backends. @returns a `DataBackend` of data/backends. */
  open(options: object): object;
}

export const samplingStrategyFactory: Token<DynamicFactory<SamplingStrategy>> =
  createToken('factory.sampling-strategy');
export const samplingMetricFactory: Token<DynamicFactory<SamplingMetric>> =
  createToken('factory.sampling-metric');
export const dataBackendFactory: Token<DynamicFactory<BackendBuilder>> = createToken('factory.data-backend');
export const scheduleFactory: Token<DynamicFactory<Schedule>> = createToken('factory.schedule');
export const conversationExporterFactory: Token<DynamicFactory<ConversationExporter>> = createToken(
  'factory.conversation-exporter',
);

export function createScheduleFactory(): DynamicFactory<Schedule> {
  return new DynamicFactory('schedule', (value) => typeof value === 'function');
}

export function createConversationExporterFactory(): DynamicFactory<ConversationExporter> {
  return new DynamicFactory(
    'conversation exporter',
    (value) => typeof value === 'object' && value !== null && 'export' in value,
  );
}

export function createDataBackendFactory(): DynamicFactory<BackendBuilder> {
  return new DynamicFactory(
    'data backend',
    (value) => typeof value === 'object' && value !== null && 'open' in value,
  );
}

export function createSamplingStrategyFactory(): DynamicFactory<SamplingStrategy> {
  return new DynamicFactory('sampling strategy', (value) => typeof value === 'function');
}

export function createSamplingMetricFactory(): DynamicFactory<SamplingMetric> {
  return new DynamicFactory(
    'sampling metric',
    (value) => typeof value === 'object' && value !== null && 'drawn' in value && 'value' in value,
  );
}

/** Empty factories of the engine worker; composition roots and plugins fill them. */
export const factories: ServiceProvider = {
  registerServices(container) {
    container.register(scheduleFactory, createScheduleFactory);
    container.register(conversationExporterFactory, createConversationExporterFactory);
  },
};
