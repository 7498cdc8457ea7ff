/**
 * Whole worlds: the real engine over a simulated disk, server and clock, with people, crashes and faults. Fresh worlds
 * must keep every promise; and since a test that cannot fail proves nothing, deliberate faults must be seen.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { forEachLimited } from '../../src/lib/concurrency.ts';
import { selftestInThreads } from '../../src/simulation/parallel.ts';
import { drawScenario } from '../../src/simulation/scenario.ts';
import { type Failure, worldSeed } from '../../src/simulation/selftest.ts';
import { playWorld } from '../../src/simulation/world.ts';
import { MUTANTS } from '../support/mutants/mutants.ts';

const WORLDS = 300;
const THREADS = 2;
const LIMIT_MS = 180_000;

const seed = process.env.RTSYNC_SEED ?? 'steady';

describe('many worlds', () => {
  test(`${WORLDS} simulated worlds of seed ${seed} keep every promise`, { timeout: LIMIT_MS }, async () => {
    const { figures, failures } = await selftestInThreads({ seed, runs: WORLDS }, THREADS);
    expect(failures.map(told).join('\n\n')).toBe('');
    expect(figures.runs).toBe(WORLDS);
    for (const what of ['edits', 'crashes', 'powerCuts', 'faults', 'conflicts'] as const)
      expect(figures[what], what).toBeGreaterThan(0);
  });
});

function told({ seed: world, violations, story }: Failure): string {
  const number = world.slice(world.lastIndexOf('-') + 1);
  return [
    `play it again with: rtsync selftest --seed ${seed} --from ${number} --runs 1`,
    ...violations.map(({ promise, what }) => `${promise}: ${what}`),
    ...story,
  ].join('\n');
}

describe('one seed', () => {
  test.each([1, 2, 3, 4, 5])('tells the same story of world %i each time', async (n) => {
    const [once, again] = [
      await playWorld(drawScenario(worldSeed('same', n)), true),
      await playWorld(drawScenario(worldSeed('same', n)), true),
    ];
    expect(once.story.length).toBeGreaterThan(50);
    expect(again.figures).toEqual(once.figures);
    expect(withoutRandomNames(again.story)).toEqual(withoutRandomNames(once.story));
  });
});

/** Names that stand for themselves alone (of pairs, temporaries, folders of the trash) are drawn by no seed: numbered. */
function withoutRandomNames(story: readonly string[]): readonly string[] {
  const numbers = new Map<string, number>();
  return story.map((line) =>
    line.replace(
      /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=\b|_)[0-9a-f]{8}\b|\b[0-9a-f]{12}\b/g,
      (name) => {
        const number = numbers.get(name) ?? numbers.size;
        numbers.set(name, number);
        return `#${number}`;
      },
    ),
  );
}

/** What `test/support/mutants/run.ts` prints. */
interface Found {
  readonly applied: number;
  readonly played: number;
  readonly caught?: { readonly promise: string; readonly what: string };
}

/** Loads the whole engine afresh, which is what takes its time. */
async function play(...options: readonly string[]): Promise<Found> {
  const script = fileURLToPath(new URL('../support/mutants/run.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...options]);
  return JSON.parse(stdout) as Found;
}

describe('a deliberate fault', () => {
  const played = new Map(MUTANTS.map(({ name }) => [name, Promise.withResolvers<Found>()]));

  beforeAll(() => {
    for (const { promise } of played.values()) promise.catch(() => undefined);
    void forEachLimited(MUTANTS, 2, async ({ name, world }) => {
      const end = played.get(name);
      await play(name, '--worlds', String(world)).then(end?.resolve, end?.reject);
    });
  });

  test.each(MUTANTS)('is seen: $name ($breaks)', { timeout: LIMIT_MS }, async ({ name }) => {
    const found = await played.get(name)?.promise;
    expect(found?.applied).toBeGreaterThan(0);
    expect(
      found?.caught,
      'found in no world any more: node test/support/mutants/run.ts --find',
    ).toBeDefined();
  });

  test('is the only thing wrong with its world', { timeout: LIMIT_MS }, async () => {
    const worlds = [...new Set(MUTANTS.map(({ world }) => world))];
    const found = await play('none', '--worlds', worlds.join(','));
    expect(found).toEqual({ applied: 0, played: worlds.length });
  });
});
