import { describe, expect, it } from 'vitest';
import { createCutShort } from '../../../src/simulation/cut-short.ts';
import type { Machine } from '../../../src/simulation/machine.ts';
import type { Truth } from '../../../src/simulation/truth.ts';

const COPY = 'd/a.new (conflict 2026-01-05 11.23.58 m0).txt';

/** Something was left at `d/a.new.txt` whose sender does not know of it, and a person wrote into it. */
function leftBehind() {
  const cutShort = createCutShort({} as Truth);
  cutShort.storedUnheard('d/a.new.txt', 'sent');
  cutShort.named('d/a.new.txt', 'written');
  return cutShort;
}

describe('the conflict copy of what was left under a stray name', () => {
  it('is that file still: what a person writes into it is theirs', () => {
    const cutShort = leftBehind();
    cutShort.setAside(COPY, 'written');
    cutShort.named(COPY, 'more');
    expect(cutShort.wasLeft('more')).toBe(true);
  });

  it.each([
    ['of another content', COPY, 'other'],
    ['of another name', COPY.replace('a.new', 'b.new'), 'written'],
    ['in another folder', COPY.replace('d/', 'e/'), 'written'],
    ['that is no conflict copy', 'd/a.new.new.txt', 'written'],
  ])('is not taken for one %s', (_, path, content) => {
    const cutShort = leftBehind();
    cutShort.setAside(path, content);
    cutShort.named(path, 'more');
    expect(cutShort.wasLeft('more')).toBe(false);
  });

  it('is not excused under a name that no process gave it', () => {
    const cutShort = leftBehind();
    cutShort.named(COPY, 'more');
    expect(cutShort.wasLeft('more')).toBe(false);
  });
});

describe('a folder that a person makes of what was stored under a stray name', () => {
  it('is theirs once they have put something into it', () => {
    const cutShort = leftBehind();
    expect(cutShort.wasTurned('d/a.new.txt')).toBe(false);
    cutShort.named('d/a.new.txt/inside', 'theirs');
    expect(cutShort.wasTurned('d/a.new.txt')).toBe(true);
    expect(cutShort.wasTurned('d')).toBe(false);
    expect(cutShort.wasLeft('theirs')).toBe(false);
  });

  it('is not theirs where nothing was stored under that name', () => {
    const cutShort = leftBehind();
    cutShort.named('d/b.new.txt/inside', 'theirs');
    expect(cutShort.wasTurned('d/b.new.txt')).toBe(false);
  });
});

describe('what a server stored under a second name', () => {
  const stored = (phase?: 'working') => {
    const cutShort = createCutShort({} as Truth);
    const machine = { name: 'm0' } as Machine;
    cutShort.stored(machine, 'd/a.new.txt', 'sent');
    if (phase !== undefined) cutShort.heard('m0', { kind: 'phase', phase });
    return cutShort;
  };
  const contentAt = (path: string) => (path === 'e/a.new.txt' ? 'sent' : undefined);

  it('stays where somebody moved its folder while its sender was at it', () => {
    const cutShort = stored();
    expect(cutShort.wasLeft('sent')).toBe(false);
    cutShort.carried('d', 'e', contentAt);
    expect(cutShort.wasLeft('sent')).toBe(true);
    cutShort.named('e/a.new.txt', 'more');
    expect(cutShort.wasLeft('more')).toBe(true);
  });

  it.each([
    ['another folder was moved', 'x', 'e', undefined],
    ['its folder went elsewhere', 'd', 'f', undefined],
    ['its sender had come to its end', 'd', 'e', 'working'],
  ] as const)('must go when %s', (_, from, to, phase) => {
    const cutShort = stored(phase);
    cutShort.carried(from, to, contentAt);
    expect(cutShort.wasLeft('sent')).toBe(false);
  });
});
