/** How a run ended is known at the next start: after one that broke off, what it may have left half-way is looked for. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import type { Pair } from '../../src/engine/pair.ts';
import { RtsyncError } from '../../src/lib/errors.ts';
import { type PairWorld, withWorld } from '../support/pair-world.ts';

function unclean(world: PairWorld): boolean {
  const name = readdirSync(world.stateDir).find((one) => one.endsWith('.db')) ?? '';
  const db = new Sqlite(join(world.stateDir, name), { readonly: true });
  try {
    return db.prepare("SELECT value FROM note WHERE key = 'unclean'").pluck().get() === 'yes';
  } finally {
    db.close();
  }
}

it('a run that fails in the middle of a cycle has not ended cleanly, and the next whole one has', () =>
  withWorld({}, async (world) => {
    await world.here.write('a.txt', 'a');
    await world.sync();
    expect(unclean(world)).toBe(false);
    const meddle = (pair: Pair): Pair => ({
      ...pair,
      checkRemote: () => Promise.reject(new RtsyncError('network', 'the line is dead')),
    });
    expect((await world.refused(world.sync({ meddle }))).code).toBe('network');
    expect(unclean(world)).toBe(true);
    await world.sync();
    expect(unclean(world)).toBe(false);
    await world.expectQuiet();
  }));
