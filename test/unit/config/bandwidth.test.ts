import { describe, expect, it } from 'vitest';
import {
  type BandwidthConfig,
  bandwidthSchema,
  completeBandwidth,
  limitsAny,
  parseBandwidth,
  rateAt,
} from '../../../src/config/bandwidth.ts';
import { decodeConfig } from '../../../src/config/decode.ts';

const of = (content: unknown): BandwidthConfig => completeBandwidth(bandwidthSchema.parse(content));
const at = (config: BandwidthConfig, time: string) => {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return [rateAt(config, 'up', hours * 60 + minutes), rateAt(config, 'down', hours * 60 + minutes)];
};

describe('the bandwidth of a configuration', () => {
  it('takes rates in bytes, by thousands, and by 1024 where the letter stands alone or with an i', () => {
    const rates = [
      250_000,
      '250000',
      '500 kB',
      '1 MB',
      '1.5MB',
      '1M',
      '1 MiB',
      '512k',
      '1 GB/s',
      'off',
      null,
    ];
    expect(rates.map((up) => of({ up }).up)).toEqual([
      ...[250_000, 250_000, 500_000, 1e6, 1.5e6, 1_048_576, 1_048_576, 524_288, 1e9],
      ...[undefined, undefined],
    ]);
  });

  it('has the rates of the first entry that holds the time, else the usual ones', () => {
    const config = of({
      up: '2 MB',
      timetable: [
        { from: '08:00', to: '18:00', up: '100 kB', down: '1 MB' },
        { from: '12:00', to: '13:00', up: 'off' },
        { from: '23:30', to: '06:00', up: 'off' },
      ],
    });
    expect(at(config, '07:59')).toEqual([2e6, undefined]);
    expect(at(config, '08:00')).toEqual([1e5, 1e6]);
    expect(at(config, '12:30')).toEqual([1e5, 1e6]);
    expect(at(config, '18:00')).toEqual([2e6, undefined]);
    expect(at(config, '23:30')).toEqual([undefined, undefined]);
    expect(at(config, '05:59')).toEqual([undefined, undefined]);
    expect(at(config, '06:00')).toEqual([2e6, undefined]);
    expect(at(of({ timetable: [{ from: '18:00', to: '24:00', up: '1M' }] }), '23:59')[0]).toBe(1_048_576);
  });

  it('limits nothing when it says nothing', () => {
    expect(limitsAny(completeBandwidth())).toBe(false);
    expect(limitsAny(of({ up: 'off', timetable: [{ from: '1:00', to: '2:00' }] }))).toBe(false);
    expect(limitsAny(of({ timetable: [{ from: '1:00', to: '2:00', down: '1M' }] }))).toBe(true);
  });

  it('says what is wrong, and where', () => {
    const fault = (bandwidth: unknown) => () => decodeConfig(JSON.stringify({ bandwidth }), 'c.json');
    expect(fault({ up: 'fast' })).toThrow(
      'bandwidth.up must be bytes a second from 10 kB on, such as "1 MB", "500 kB", "2 MiB" or 250000, or "off" for no limit, not "fast"',
    );
    expect(fault({ down: 0 })).toThrow('bandwidth.down must be');
    expect(fault({ up: '9 kB' })).toThrow('bandwidth.up must be');
    expect(fault({ timetable: [{ from: '25:00', to: '1:00' }] })).toThrow(
      'bandwidth.timetable[0].from must be a time of the day, such as "08:00", not "25:00"',
    );
    expect(fault({ timetable: [{ from: '1:00' }] })).toThrow('bandwidth.timetable[0].to is missing');
    expect(fault({ timetabel: [] })).toThrow('did you mean "timetable"?');
    expect(fault({ timetable: [{ form: '1:00', to: '2:00' }] })).toThrow('did you mean "from"?');
  });
});

describe('--bwlimit', () => {
  it('is one rate for both ways, or one for each', () => {
    expect(parseBandwidth('1 MB')).toEqual({ up: 1e6, down: 1e6, timetable: [] });
    expect(parseBandwidth('500k:off')).toEqual({ up: 512_000, down: undefined, timetable: [] });
    expect(limitsAny(parseBandwidth('off'))).toBe(false);
    for (const text of ['', 'x', '1M:2M:3M', '5'])
      expect(() => parseBandwidth(text)).toThrow('--bwlimit must be');
  });
});
