import { describe, expect, it } from 'vitest';
import { createServerClock } from '../../../../src/remote/runtools/server-clock.ts';

describe("the server's clock", () => {
  it('is unknown before the first answer', () => {
    expect(createServerClock().at(5)).toBeUndefined();
  });

  it('believes the latest claim, so that a header that was made long ago does not set it back', () => {
    const clock = createServerClock();
    clock.saw(1_700_000_010_000, 1_000);
    clock.saw(1_700_000_010_000, 3_500);
    expect(clock.at(3_500)).toBe(1_700_000_012_500);
    clock.saw(1_700_000_014_000, 4_000);
    expect(clock.at(4_000)).toBe(1_700_000_014_000);
  });

  it('believes a clock that was put back after two minutes', () => {
    const clock = createServerClock();
    clock.saw(1_700_000_600_000, 0);
    clock.saw(1_700_000_000_000, 60_000);
    expect(clock.at(60_000)).toBe(1_700_000_660_000);
    clock.saw(1_700_000_061_000, 121_000);
    expect(clock.at(121_000)).toBe(1_700_000_061_000);
  });
});
