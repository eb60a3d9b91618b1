// A learning-rate schedule as a plugin: warm-up, stable, decay ("wsd"). It shows what a plugin needs: a name, a
// version, and an `activate` that registers through the registrar.
import { scheduleFactory, type Schedule } from '../core/factories';
import type { Plugin } from '../core/plugins/plugin';

/** Share of the steps after warm-up in which the rate falls. */
const DECAY_SHARE = 0.2;

/**
 * Rises linearly to 1, stays there, and falls as 1 - sqrt(progress) over the last fifth (Hu et al., "MiniCPM", 2024;
 * Hägele et al., "Scaling Laws Beyond Fixed Durations", 2024, for the square root).
 */
export const wsdSchedule: Schedule = (step, totalSteps, warmupSteps) => {
  if (step <= warmupSteps) return step / warmupSteps;
  const decaySteps = Math.max(1, Math.round((totalSteps - warmupSteps) * DECAY_SHARE));
  const decayed = step - (totalSteps - decaySteps);
  if (decayed <= 0) return 1;
  // One more in the divisor: the last step still learns.
  return 1 - Math.sqrt(decayed / (decaySteps + 1));
};

const plugin: Plugin = {
  name: 'wsd-schedule',
  version: '1.0.0',
  description: 'The learning-rate schedule "wsd": warm up, stay, fall over the last fifth.',
  activate(registrar) {
    registrar.extend(scheduleFactory, 'wsd', () => wsdSchedule);
  },
};

export default plugin;
