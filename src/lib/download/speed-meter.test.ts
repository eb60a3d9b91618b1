import { describe, expect, test } from 'vitest';
import { SpeedMeter } from './speed-meter';

describe('speed meter', () => {
  test('speed meter: says nothing before there is something to go by', () => {
    const meter = new SpeedMeter();
    expect(meter.bytesPerSecond(0)).toBeNull();
    meter.mark(0, 0);
    meter.mark(50, 1000);
    expect(meter.bytesPerSecond(50)).toBeNull();
  });

  test('speed meter: bytes over time, and the time for the rest', () => {
    const meter = new SpeedMeter();
    meter.mark(0, 0);
    meter.mark(1000, 2000);
    expect(meter.bytesPerSecond(1000)).toBe(2000);
    expect(meter.secondsLeft(1000, 6000)).toBe(3);
  });

  test('speed meter: what is long past does not count, a standstill does', () => {
    const meter = new SpeedMeter();
    meter.mark(0, 0);
    for (let second = 1; second <= 20; second++) meter.mark(second * 1000, Math.min(second, 10) * 1000);
    // From second 15 on nothing came.
    expect(meter.bytesPerSecond(20_000)).toBe(0);
    expect(meter.secondsLeft(20_000, 1)).toBeNull();
  });
});
